// The event list: its live sign and length, keys, selection, incidents. An event's page: its keys.
"use strict";

const MOST_ROWS = 200;
const PLACE = "events.place"; // where somebody was in the list, so that coming back finds it again

const rows = () => document.getElementById("rows");
const picks = () => [...document.querySelectorAll(".pick input")];
const picked = () => picks().filter((box) => box.checked);

// --- live: new rows come by themselves -------------------------------------------------------------------------------

function sign(state) {
  const place = document.getElementById("live-state");
  if (place) {
    place.dataset.state = state;
  }
}

function arrived() {
  const list = rows();
  if (!list) {
    return;
  }
  dropRepeated(list);
  keepShort(list);
  count();
}

// What comes twice is shown once, and an incident only by its newest event.
function dropRepeated(list) {
  const seen = new Set();
  for (const row of [...list.children]) {
    const name = row.dataset.incident || row.dataset.event;
    if (seen.has(name)) {
      row.remove();
    }
    seen.add(name);
  }
}

function keepShort(list) {
  const older = document.getElementById("older");
  if (!older) {
    return;
  }
  while (list.children.length > MOST_ROWS) {
    list.lastElementChild.remove();
  }
  const link = new URL(older.href);
  link.searchParams.set("before", list.lastElementChild.dataset.cursor);
  older.href = link.href;
}

document.addEventListener("htmx:sse:after:connection", () => sign("on"));
document.addEventListener("htmx:sse:after:message", arrived);
document.addEventListener("htmx:sse:close", () => sign("wait"));
document.addEventListener("htmx:sse:error", (event) => {
  sign("wait");
  if (event.detail.status === 401) {
    location.reload();
  }
});

// --- incidents: their events come when they are unfolded -------------------------------------------------------------

async function unfold(members) {
  if (!members.open || members.dataset.done) {
    return;
  }
  members.dataset.done = "yes";
  const list = members.querySelector("ol");
  try {
    const answer = await fetch(members.dataset.rows);
    if (!answer.ok) {
      throw new Error(answer.status);
    }
    list.innerHTML = await answer.text();
  } catch {
    delete members.dataset.done;
    list.textContent = members.dataset.failed;
  }
}

document.addEventListener("toggle", (event) => event.target.matches(".members") && unfold(event.target), true);

// --- selecting and reviewing -----------------------------------------------------------------------------------------

function count() {
  const form = document.getElementById("bulk");
  if (!form) {
    return;
  }
  const chosen = picked().length;
  form.dataset.some = chosen > 0 ? "yes" : "no";
  const words = chosen === 1 ? form.dataset.one : form.dataset.many.replace("{n}", chosen);
  document.getElementById("bulk-count").textContent = chosen ? words : "";
  document.getElementById("select-none").hidden = chosen === 0;
}

function selectNone() {
  picked().forEach((box) => (box.checked = false));
  count();
}

let lastPick = null;

function pick(row, upTo) {
  const box = row.querySelector(".pick input");
  if (!box) {
    return;
  }
  const boxes = picks();
  const from = boxes.indexOf(lastPick);
  if (upTo && from >= 0) {
    const [first, last] = [from, boxes.indexOf(box)].sort((one, other) => one - other);
    boxes.slice(first, last + 1).forEach((each) => (each.checked = true));
  } else {
    box.checked = !box.checked;
  }
  lastPick = box;
  count();
}

async function toggleReviewed(row) {
  const form = document.getElementById("bulk");
  const box = row.querySelector(".pick input");
  if (!form || !box) {
    return;
  }
  const act = row.classList.contains("is-reviewed") ? "reopened" : "reviewed";
  const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, act, [box.name]: box.value });
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (!answer.ok) {
      throw new Error(answer.status);
    }
    row.classList.toggle("is-reviewed", act === "reviewed");
    recount((await answer.json()).waiting);
  } catch {
    document.getElementById("bulk-count").textContent = form.dataset.failed;
    form.dataset.some = "yes";
  }
}

function recount(waiting) {
  const badge = document.getElementById("waiting");
  if (badge) {
    badge.textContent = waiting;
    badge.hidden = waiting === "0";
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches(".pick input")) {
    lastPick = event.target;
    count();
  }
});
document.addEventListener("click", (event) => {
  const box = event.target.closest(".pick")?.querySelector("input");
  if (box && event.shiftKey && lastPick && lastPick !== box) {
    event.preventDefault();
    pick(box.closest(".event"), true);
  } else if (event.target.closest("#select-none")) {
    selectNone();
  } else if (event.target.closest("#show-keys")) {
    document.getElementById("keys").showModal();
  }
});

// --- keys: never while somebody types --------------------------------------------------------------------------------

function isTyping(event) {
  const place = event.target;
  return (
    event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]") ||
    place.matches("textarea, select, summary, video, [contenteditable]") ||
    (place.matches("input") && place.type !== "checkbox") ||
    (event.key === " " && place.matches("button, input"))
  );
}

function current() {
  return document.activeElement?.closest("#rows > .event");
}

function go(row) {
  row?.querySelector(":scope > a").focus();
}

const LIST_KEYS = {
  j: () => go(current() ? current().nextElementSibling : rows().firstElementChild),
  k: () => go(current() ? current().previousElementSibling : rows().firstElementChild),
  o: () => current()?.querySelector(":scope > a").click(),
  " ": () => current() && toggleReviewed(current()),
  x: () => current() && pick(current(), false),
  X: () => current() && pick(current(), true),
  a: acknowledge,
  Escape: selectNone,
  "?": () => document.getElementById("keys").showModal(),
};

const EVENT_KEYS = {
  j: () => document.getElementById("older-event")?.click(),
  k: () => document.getElementById("newer")?.click(),
  a: () => document.getElementById("comment")?.focus(),
  u: () => document.getElementById("back").click(),
};

function acknowledge() {
  if (picked().length === 0 && current()) {
    pick(current(), false);
  }
  if (picked().length > 0) {
    document.getElementById("comment")?.focus();
  }
}

document.addEventListener("keydown", (event) => {
  const act = (rows() ? LIST_KEYS : EVENT_KEYS)[event.key];
  if (event.key === "Escape" && event.target.matches("#comment")) {
    event.target.blur();
  }
  if (!act || isTyping(event) || (event.key === " " && rows() && !current())) {
    return;
  }
  event.preventDefault();
  act();
});

// --- coming back: to the row that was opened, where it was -----------------------------------------------------------

document.addEventListener("click", (event) => {
  const row = event.target.closest("#rows > .event > a")?.parentElement;
  if (row) {
    const place = { list: location.pathname + location.search, event: row.dataset.event, top: row.getBoundingClientRect().top };
    sessionStorage.setItem(PLACE, JSON.stringify(place));
  }
});

function comeBack() {
  const place = JSON.parse(sessionStorage.getItem(PLACE) || "null");
  if (!rows() || !place || place.list !== location.pathname + location.search) {
    return;
  }
  sessionStorage.removeItem(PLACE);
  const row = document.getElementById(`event-${place.event}`);
  if (row) {
    row.querySelector(":scope > a").focus({ preventScroll: true });
    scrollBy(0, row.getBoundingClientRect().top - place.top);
  }
}

function ready() {
  const button = document.getElementById("show-keys");
  if (button) {
    button.hidden = false;
  }
  document.body.classList.add("has-script");
  count();
  comeBack();
}

document.addEventListener("DOMContentLoaded", ready);
document.addEventListener("htmx:after:swap", count);
