// Live tiles, the list's live sign and its length. Everything else is HTML, htmx and CSS.
"use strict";

const TILE_MS = 500;
const MOST_ROWS = 200;

// --- live tiles: one picture at a time, and none while nobody looks -------------------------------------------------

async function showTile(image) {
  const screen = image.closest(".screen");
  while (image.isConnected) {
    if (!document.hidden) {
      await refresh(image, screen);
    }
    await new Promise((done) => setTimeout(done, TILE_MS));
  }
}

async function refresh(image, screen) {
  try {
    const answer = await fetch(image.dataset.live, { headers: { Accept: "image/jpeg" } });
    if (answer.status === 401) {
      location.reload();
    } else if (answer.status === 200) {
      const old = image.src;
      image.src = URL.createObjectURL(await answer.blob());
      image.hidden = false;
      screen.dataset.state = "live";
      if (old) {
        URL.revokeObjectURL(old);
      }
    } else if (screen.dataset.state === "live") {
      screen.dataset.state = "stale";
    }
  } catch {
    screen.dataset.state = screen.dataset.state === "live" ? "stale" : screen.dataset.state;
  }
}

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

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("img[data-live]").forEach(showTile);
});

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
