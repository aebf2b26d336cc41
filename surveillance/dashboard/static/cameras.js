// The camera form: a trial shown in the page, and what each sensitivity would see. The search says that it is under way.
"use strict";

// --- trying a camera without leaving the page --------------------------------------------------------------------------

async function tryCamera(form, button) {
  const place = document.getElementById("trial");
  const busy = place.querySelector(".busy");
  const buttons = [...place.querySelectorAll("button")];
  const sent = new FormData(form);
  sent.set("do", "test");
  busy.hidden = false;
  buttons.forEach((each) => (each.disabled = true));
  try {
    const answer = await fetch(form.action, { method: "POST", body: sent, headers: { "HX-Request": "true" } });
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    place.outerHTML = await answer.text();
    document.querySelector("#trial button")?.focus();
  } catch {
    busy.lastChild.textContent = form.dataset.said;
    buttons.forEach((each) => (each.disabled = false));
  }
}

// --- what a sensitivity would see ---------------------------------------------------------------------------------------

const LOOK_MS = 250;
const WAIT_MS = 1000;
const STEP = 5; // the worker tells every fifth sensitivity

class Preview {
  constructor(root, slider) {
    this.root = root;
    this.slider = slider;
    this.canvas = root.querySelector("canvas");
    this.svg = root.querySelector("svg");
    this.caption = root.querySelector("figcaption");
    this.after = "0";
    this.told = null;
    root.hidden = false;
    slider.addEventListener("input", () => this.draw());
    this.run();
  }

  async run() {
    while (this.root.isConnected) {
      let isNew = false;
      if (!document.hidden) {
        isNew = await this.look().catch(() => false);
      }
      await new Promise((done) => setTimeout(done, isNew ? LOOK_MS : WAIT_MS / 2));
    }
  }

  async look() {
    const answer = await fetch(`${this.root.dataset.look}?preview=1&after=${this.after}`);
    if (answer.status !== 200) {
      return false;
    }
    this.after = answer.headers.get("X-Shown");
    const data = await answer.arrayBuffer();
    const view = new DataView(data);
    const told = view.getUint32(0);
    this.told = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 8, told)));
    const picture = await createImageBitmap(new Blob([new Uint8Array(data, 8 + told)], { type: "image/jpeg" }));
    this.canvas.width = picture.width;
    this.canvas.height = picture.height;
    this.canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    this.draw();
    return true;
  }

  draw() {
    if (!this.told?.preview) {
      return;
    }
    const wanted = Number(this.slider.value);
    const boxes = this.told.preview[String(Math.max(Math.round(wanted / STEP) * STEP, STEP))] ?? [];
    this.svg.replaceChildren(
      ...boxes.map(([x1, y1, x2, y2]) => {
        const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        const place = { x: x1 * 1000, y: y1 * 1000, width: (x2 - x1) * 1000, height: (y2 - y1) * 1000, class: "region" };
        Object.entries(place).forEach(([name, value]) => box.setAttribute(name, value));
        return box;
      }),
    );
    const words = boxes.length > 0 ? this.root.dataset.some : this.root.dataset.none;
    this.caption.textContent = words.replace("{sensitivity}", wanted).replace("{count}", boxes.length);
  }
}

// --- once the page is there ---------------------------------------------------------------------------------------------

const cameraForm = document.getElementById("camera-form");
if (cameraForm) {
  cameraForm.addEventListener("submit", (event) => {
    if (event.submitter?.value === "test") {
      event.preventDefault();
      tryCamera(cameraForm, event.submitter);
    }
  });
  const slider = document.getElementById("f-sensitivity");
  const shown = cameraForm.querySelector("output");
  slider.addEventListener("input", () => (shown.value = slider.value));
  const preview = cameraForm.querySelector(".preview");
  if (preview) {
    new Preview(preview, slider);
  }
}

document.addEventListener("submit", (event) => {
  const busy = event.target.matches?.(".searching") ? event.target.querySelector(".busy") : null;
  if (busy) {
    busy.hidden = false;
  }
});
document.addEventListener("htmx:after:swap", () => {
  document.querySelectorAll(".searching .busy").forEach((busy) => (busy.hidden = true));
});
