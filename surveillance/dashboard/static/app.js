// The list's live sign and its length. Everything else is HTML, htmx and CSS.
"use strict";

const MOST_ROWS = 200;

// --- the event list --------------------------------------------------------------------------------------------------

function sign(state) {
  const place = document.getElementById("live-state");
  if (place) {
    place.dataset.state = state;
  }
}

function keepShort() {
  const rows = document.getElementById("rows");
  const older = document.getElementById("older");
  if (!rows || !older) {
    return;
  }
  while (rows.children.length > MOST_ROWS) {
    rows.lastElementChild.remove();
  }
  const cursor = rows.lastElementChild.dataset.cursor;
  if (cursor) {
    const link = new URL(older.href);
    link.searchParams.set("before", cursor);
    older.href = link.href;
  }
}

document.addEventListener("htmx:sse:after:connection", () => sign("on"));
document.addEventListener("htmx:sse:after:message", keepShort);
document.addEventListener("htmx:sse:close", () => sign("wait"));
document.addEventListener("htmx:sse:error", (event) => {
  sign("wait");
  if (event.detail.status === 401) {
    location.reload();
  }
});

// A camera may send video that this browser has no decoder for; media errors do not bubble.
document.addEventListener(
  "error",
  (event) => {
    if (event.target.tagName === "VIDEO") {
      event.target.closest("figure").querySelector(".cannot-play").hidden = false;
    }
  },
  true,
);

// --- the menu: closed by Escape, and by a click elsewhere -------------------------------------------------------------

document.addEventListener("click", (event) => {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  });
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" ? document.querySelector("details.menu[open]") : null;
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
