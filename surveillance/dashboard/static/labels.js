// The labeling pages: keys for what the buttons do, filters that apply at once, and how many are chosen.
"use strict";

const boxes = () => [...document.querySelectorAll(".crops input[type=checkbox]")];

function isTyping(event) {
  const place = event.target;
  return (
    event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat ||
    document.querySelector("dialog[open]") || place.matches("textarea, select") ||
    (place.matches("input") && place.type !== "checkbox")
  );
}

function count() {
  const told = document.getElementById("chosen");
  if (told) {
    const words = document.getElementById("answer").dataset;
    const chosen = boxes().filter((box) => box.checked).length;
    told.value = chosen === 1 ? words.one : words.many.replace("{n}", chosen);
  }
}

function turn() {
  const all = boxes().every((box) => box.checked);
  boxes().forEach((box) => {
    box.checked = !all;
  });
  count();
}

const KEYS = {
  n: () => document.getElementById("other")?.focus(),
  g: () => document.getElementById("other-view").click(),
  "?": () => document.getElementById("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("#other")) {
    event.target.blur();
  }
  if (isTyping(event)) {
    return;
  }
  const button = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
  const act = KEYS[event.key] || (button && (() => button.click()));
  if (act) {
    event.preventDefault();
    act();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.closest("#filter")) {
    document.getElementById("filter").requestSubmit();
  } else if (event.target.matches(".crops input")) {
    count();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("#turn")) {
    turn();
  } else if (event.target.closest("#show-keys")) {
    document.getElementById("keys").showModal();
  }
});

// A second press while the next page comes must not label what nobody has seen.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) {
    event.preventDefault();
  }
  event.target.dataset.sent = "yes";
});

window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});

document.querySelectorAll("#show-keys, #turn").forEach((button) => {
  button.hidden = false;
});
document.body.classList.add("has-script");
