// The rule editor: form and text kept the same, faults marked while one types, and what may stand at the cursor offered.
"use strict";

const CHECK_MS = 400;
const OFFER_MS = 120;
const MOST_OFFERS = 40;

const editor = document.getElementById("editor");
const text = document.getElementById("rule-text");
const under = document.querySelector(".code-under");
const list = document.getElementById("offers");

// Places come in characters; a text in JavaScript counts some characters twice.
const units = (value, characters) => [...value].slice(0, characters).join("").length;
const characters = (value, end) => [...value.slice(0, end)].length;

// --- asking the server: the newest answer counts ----------------------------------------------------------------------

let asked = 0;
let saved = text.value;

async function ask(address, body, headers = {}) {
  const token = editor.elements.csrf_token.value;
  const answer = await fetch(address, { method: "POST", body, headers: { "X-CSRFToken": token, Accept: "application/json", ...headers } });
  if (answer.status === 401) {
    location.reload();
  }
  if (!answer.ok) {
    throw new Error(String(answer.status));
  }
  return answer;
}

function posted(button) {
  const body = new FormData(editor);
  if (button) {
    body.set("do", button.value);
  }
  return body;
}

async function check(changed, button, keepsForm = false) {
  const number = ++asked;
  const before = text.value;
  const isShown = before === editor.elements.shown.value; // else the form is older than the text, and must follow
  try {
    const found = await (await ask(editor.dataset.check, posted(button))).json();
    if (number !== asked || text.value !== before) {
      return; // somebody typed on meanwhile; what they typed is asked about next
    }
    if (text.value !== found.text) {
      text.value = found.text;
    }
    const isStale = changed === "text" && found.flaws.some((flaw) => ["", "when"].includes(flaw.key));
    setStale(isStale);
    if (!(keepsForm && isShown) && !isStale) {
      replaceForm(found.form);
    }
    if (!isStale) {
      editor.elements.shown.value = found.text; // what the form shows now, so that only later changes count
    }
    document.getElementById("problems").innerHTML = found.problems;
    mark(found.flaws, found.doubts);
  } catch {
    sayAway();
  }
}

// While a condition is half typed its rows stay as they were, but cannot be changed.
function setStale(isStale) {
  document.querySelector(".as-form").classList.toggle("is-stale", isStale);
  const fields = document.querySelector("#rule-form .fields");
  if (fields) {
    fields.disabled = isStale;
  }
}

function sayAway() {
  const said = document.createElement("li");
  said.className = "problem is-away";
  said.textContent = editor.dataset.away;
  document.getElementById("problems").replaceChildren(said);
}

// Keeps the place of whoever works in the form.
function replaceForm(html) {
  const place = document.getElementById("rule-form");
  const active = document.activeElement;
  const name = place.contains(active) ? active.name : "";
  const value = name === "do" ? active.value : null;
  place.innerHTML = html;
  if (name) {
    const same = [...place.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
    const next = same.find((field) => value === null || field.value === value) || place.querySelector("[name='do']");
    next?.focus();
  }
}

// --- marks under the text ---------------------------------------------------------------------------------------------

let marks = [];

function mark(flaws, doubts) {
  marks = [...flaws.map((flaw) => ({ ...flaw, kind: "" })), ...doubts.map((doubt) => ({ ...doubt, kind: "is-doubt" }))];
  marks = marks.filter((one) => one.end > one.start).sort((one, two) => one.start - two.start);
  draw();
}

function draw() {
  const letters = [...text.value];
  const pieces = [];
  let at = 0;
  for (const one of marks) {
    if (one.start >= at && one.end <= letters.length) {
      pieces.push(letters.slice(at, one.start).join(""));
      const piece = document.createElement("mark");
      piece.className = one.kind;
      piece.textContent = letters.slice(one.start, one.end).join("");
      pieces.push(piece);
      at = one.end;
    }
  }
  under.replaceChildren(...pieces, letters.slice(at).join("") + "\n");
}

// --- what may stand at the cursor -------------------------------------------------------------------------------------

let offers = null;
let chosen = 0;
let offerNumber = 0;

async function offer(wanted = false) {
  const number = ++offerNumber;
  const cursor = text.selectionStart;
  const before = text.value;
  if (cursor !== text.selectionEnd) {
    return close();
  }
  try {
    const body = JSON.stringify({ text: before, cursor: characters(before, cursor) });
    const found = await (await ask(editor.dataset.complete, body, { "Content-Type": "application/json" })).json();
    if (number !== offerNumber || text.value !== before || document.activeElement !== text) {
      return undefined;
    }
    const typed = before.slice(units(before, found.start), cursor);
    const whole = found.candidates.length === 1 && found.candidates[0].text.trimEnd() === typed.trimEnd();
    if (found.candidates.length === 0 || (whole && !wanted) || (!typed && !wanted && !opens(before, cursor))) {
      return close();
    }
    show({ ...found, cursor });
  } catch {
    close();
  }
  return undefined;
}

// Whether suggestions come by themselves though nothing of a name is typed yet.
function opens(before, cursor) {
  return /(: |["'({[,] ?|[=<>] |\b(?:and|or|not|in) )$/.test(before.slice(0, cursor));
}

function show(found) {
  offers = { ...found, candidates: found.candidates.slice(0, MOST_OFFERS) };
  chosen = 0;
  list.replaceChildren(...offers.candidates.map(option));
  list.hidden = false;
  place();
  text.setAttribute("aria-controls", "offers");
  choose(0);
  document.getElementById("offers-said").textContent = editor.dataset.offers.replace("{count}", offers.candidates.length);
}

function option(candidate, index) {
  const item = document.createElement("li");
  item.id = `offer-${index}`;
  item.role = "option";
  const shown = document.createElement("code");
  shown.textContent = candidate.shown;
  const kind = document.createElement("small");
  kind.textContent = candidate.type || candidate.kind;
  item.append(shown, kind);
  if (candidate.doc && candidate.doc !== candidate.kind) {
    const doc = document.createElement("small");
    doc.className = "doc";
    doc.textContent = candidate.doc;
    item.append(doc);
  }
  item.addEventListener("mousedown", (event) => {
    event.preventDefault();
    take(index);
  });
  return item;
}

// Below the cursor, by measuring the same text behind the field.
function place() {
  const range = document.createRange();
  const probe = document.createElement("span");
  const before = text.value.slice(0, units(text.value, offers.start));
  under.replaceChildren(before, probe, `${text.value.slice(before.length)}\n`);
  range.selectNode(probe);
  const spot = probe.getBoundingClientRect();
  const frame = text.getBoundingClientRect();
  draw();
  list.style.top = `${spot.bottom - frame.top + 22}px`;
  list.style.left = "0px";
  const room = frame.width - list.offsetWidth;
  list.style.left = `${Math.max(0, Math.min(spot.left - frame.left, room))}px`;
}

function choose(index) {
  chosen = index;
  [...list.children].forEach((item, number) => item.setAttribute("aria-selected", number === chosen ? "true" : "false"));
  text.setAttribute("aria-activedescendant", `offer-${chosen}`);
  list.children[chosen].scrollIntoView({ block: "nearest" });
}

function close() {
  offers = null;
  list.hidden = true;
  text.removeAttribute("aria-activedescendant");
  document.getElementById("offers-said").textContent = "";
}

function take(index) {
  const candidate = offers.candidates[index];
  const start = units(text.value, offers.start);
  const since = Math.max(text.selectionStart - offers.cursor, 0); // typed on before the next offers came
  const end = units(text.value, offers.end) + since;
  close();
  text.focus();
  text.setSelectionRange(start, end);
  // execCommand keeps the browser's own undo, which setRangeText does not.
  if (!document.execCommand("insertText", false, candidate.text)) {
    text.setRangeText(candidate.text, start, end, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// --- events -----------------------------------------------------------------------------------------------------------

let checking;
let offering;

function typed() {
  marks = [];
  draw();
  clearTimeout(checking);
  clearTimeout(offering);
  checking = setTimeout(() => check("text"), CHECK_MS);
  offering = setTimeout(() => offer(), OFFER_MS);
}

function pressed(event) {
  if (event.key === " " && event.ctrlKey) {
    event.preventDefault();
    offer(true);
  } else if (offers && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    choose((chosen + step + offers.candidates.length) % offers.candidates.length);
  } else if (offers && (event.key === "Enter" || event.key === "Tab") && !event.shiftKey) {
    event.preventDefault();
    take(chosen);
  } else if (event.key === "Escape" && offers) {
    event.preventDefault();
    close();
  } else if (event.key === "Enter" && !event.shiftKey) {
    indent(event);
  }
}

// A new line begins where the keys of the rule do.
function indent(event) {
  const line = text.value.slice(0, text.selectionStart).split("\n").pop();
  const lead = line.match(/^\s*(?:- )?/)[0].replace("-", " ");
  if (lead && document.execCommand("insertText", false, `\n${lead}`)) {
    event.preventDefault();
  }
}

async function tryIt(button) {
  const place = document.getElementById("trial");
  button.setAttribute("aria-busy", "true");
  if (button.dataset.slow) {
    place.textContent = button.dataset.slow;
  }
  try {
    place.innerHTML = await (await ask(button.formAction, posted(), { "X-Part": "trial", Accept: "text/html" })).text();
  } catch {
    place.textContent = editor.dataset.away;
  }
  button.removeAttribute("aria-busy");
}

function start() {
  document.querySelector(".code").classList.add("is-live");
  if (text.readOnly) {
    draw();
  } else {
    text.setAttribute("aria-autocomplete", "list");
    text.setAttribute("aria-haspopup", "listbox");
    text.addEventListener("input", typed);
    text.addEventListener("keydown", pressed);
    text.addEventListener("blur", close);
    text.addEventListener("click", close);
    check("start", null, true);
  }
  const form = document.getElementById("rule-form");
  form.addEventListener("change", (event) => check("form", null, !("structure" in event.target.dataset)));
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name='do']");
    if (button) {
      event.preventDefault();
      check("form", button);
    }
  });
  document.getElementById("problems").addEventListener("click", (event) => {
    const place = event.target.closest(".to-place");
    if (place) {
      editor.elements.view.value = "text";
      text.focus();
      text.setSelectionRange(units(text.value, +place.dataset.start), units(text.value, +place.dataset.end));
    }
  });
  editor.addEventListener("submit", (event) => {
    if (event.submitter?.closest(".try-with")) {
      event.preventDefault();
      tryIt(event.submitter);
    } else {
      saved = text.value;
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (text.value !== saved) {
      event.preventDefault();
    }
  });
  if (new URLSearchParams(location.search).get("on")) {
    tryIt(document.querySelector(".try-with button"));
  }
}

start();
