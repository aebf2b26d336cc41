// The menu, and videos that cannot be played. Everything else is HTML, htmx and CSS, or the page group's own script.
"use strict";

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

// --- the navigation of a narrow screen shows where one is -------------------------------------------------------------

document.addEventListener("DOMContentLoaded", () => {
  const here = document.querySelector(".bar-in > nav [aria-current]");
  if (here) {
    const nav = here.parentElement;
    nav.scrollLeft = here.offsetLeft - nav.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2;
  }
});
