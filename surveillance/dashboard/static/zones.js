// The editor of zones, lines and masks on a camera's picture, with mouse, touch or keys. The fields beside the picture
// are the truth: what is drawn is written into them and what is typed there is drawn; the form sends them.
"use strict";

const STEP = 0.005;
const LARGE_STEP = 0.05;
const LOOK_MS = 400;
const MOST_UNDO = 100;

class Editor {
  constructor(form) {
    this.form = form;
    this.words = JSON.parse(form.dataset.words);
    this.list = form.querySelector(".shapes");
    this.svg = form.querySelector(".drawing");
    this.stage = form.querySelector(".stage");
    this.canvas = form.querySelector("canvas");
    this.note = form.querySelector("[data-note]");
    this.overlay = new Overlay(this, this.svg, this.stage);
    this.shapes = [...this.list.querySelectorAll(".shape")].map((item) => this.adopt(item));
    this.chosen = this.shapes[0] ?? null;
    this.drawing = null; // {kind, points} while corners are clicked one by one
    this.past = [];
    this.future = [];
    this.saved = JSON.stringify(this.state());
    this.now = this.saved;
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.stage);
    this.draw();
    this.watch();
  }

  // --- the fields ---

  adopt(item) {
    const shape = new Shape(item);
    item.querySelectorAll("[data-do]").forEach((button) => (button.hidden = false));
    item.addEventListener("focusin", () => this.choose(shape));
    item.querySelectorAll("input, select").forEach((field) => field.addEventListener("change", () => this.keep()));
    item.querySelector("[name=points]").addEventListener("input", () => this.draw());
    item.querySelector("[name=shape]").addEventListener("input", () => this.draw());
    item.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button?.dataset.do === "drop") {
        this.drop(shape);
      } else if (button?.dataset.do === "swap") {
        shape.points = shape.points.toReversed();
        this.keep();
      }
    });
    return shape;
  }

  add(kind, points, name) {
    const item = this.form.querySelector(`template[data-template=${kind}]`).content.firstElementChild.cloneNode(true);
    this.list.append(item);
    const shape = this.adopt(item);
    shape.points = points;
    item.querySelector("[name=shape]").value = kind === "mask" ? "" : (name ?? this.freeName(kind));
    this.shapes.push(shape);
    this.chosen = shape;
    return shape;
  }

  freeName(kind) {
    const taken = new Set(this.shapes.map((shape) => shape.name));
    for (let number = 1; ; number++) {
      if (!taken.has(`${kind}-${number}`)) {
        return `${kind}-${number}`;
      }
    }
  }

  drop(shape) {
    const place = this.shapes.indexOf(shape);
    shape.item.remove();
    this.shapes.splice(place, 1);
    this.chosen = this.shapes[Math.min(place, this.shapes.length - 1)] ?? null;
    this.keep();
    this.tell(this.words.dropped);
    (this.chosen?.item.querySelector("[name=points]") ?? this.form.querySelector("[data-add]")).focus();
  }

  choose(shape) {
    if (this.chosen !== shape) {
      this.chosen = shape;
      this.draw();
    }
  }

  title(shape) {
    return shape.name || `${this.words[shape.kind]} ${this.shapes.filter((one) => one.kind === shape.kind).indexOf(shape) + 1}`;
  }

  // --- undo and redo ---

  state() {
    return this.shapes.map((shape) => shape.state());
  }

  keep() {
    const now = JSON.stringify(this.state());
    if (now !== this.now) {
      this.past = [...this.past, this.now].slice(-MOST_UNDO);
      this.future = [];
      this.now = now;
    }
    this.draw();
  }

  travel(from, to, words) {
    const wanted = from.pop();
    if (wanted === undefined) {
      return;
    }
    to.push(this.now);
    this.now = wanted;
    const place = this.shapes.indexOf(this.chosen);
    this.shapes.forEach((shape) => shape.item.remove());
    this.shapes = [];
    for (const { kind, name, points, restricted } of JSON.parse(wanted)) {
      const shape = this.add(kind, parsePoints(points) ?? [], name);
      shape.item.querySelector("[name=restricted]").value = restricted ? "yes" : "no";
    }
    this.chosen = this.shapes[Math.min(place, this.shapes.length - 1)] ?? null;
    this.draw();
    this.tell(words);
  }

  // --- drawing ---

  draw() {
    this.overlay.draw();
    this.shapes.forEach((shape) => shape.item.classList.toggle("is-chosen", shape === this.chosen));
    this.form.querySelector("[data-empty]").hidden = this.shapes.length > 0;
    this.form.querySelector("[data-undo]").disabled = this.past.length === 0;
    this.form.querySelector("[data-redo]").disabled = this.future.length === 0;
  }

  // --- mouse and touch ---

  follow(event, moved) {
    event.preventDefault();
    event.stopPropagation();
    this.svg.setPointerCapture(event.pointerId); // what was touched is drawn anew meanwhile
    const move = (next) => {
      if (next.pointerId === event.pointerId) {
        moved(this.overlay.place(next));
        this.draw();
      }
    };
    const end = (last) => {
      if (last.pointerId === event.pointerId) {
        window.removeEventListener("pointermove", move);
        window.removeEventListener("pointerup", end);
        window.removeEventListener("pointercancel", end);
        this.keep();
      }
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }

  grabCorner(event, shape, index) {
    if (this.drawing !== null) {
      return;
    }
    this.chosen = shape;
    this.follow(event, (place) => this.moveCorner(shape, index, place));
    this.draw();
    this.svg.querySelector(`[data-key="corner-${this.shapes.indexOf(shape)}-${index}"]`)?.focus();
  }

  grabShape(event, shape) {
    if (this.drawing !== null) {
      return;
    }
    const [fromX, fromY] = this.overlay.place(event);
    const points = shape.points;
    this.follow(event, ([x, y]) => this.moveAll(shape, points, x - fromX, y - fromY));
    this.chosen = shape;
    this.draw();
  }

  moveCorner(shape, index, [x, y]) {
    shape.points = shape.points.map((point, place) => (place === index ? [clamp(x), clamp(y)] : point));
  }

  // All corners by the same way, as far as the picture goes.
  moveAll(shape, points, dx, dy) {
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const across = Math.min(Math.max(dx, -Math.min(...xs)), 1 - Math.max(...xs));
    const down = Math.min(Math.max(dy, -Math.min(...ys)), 1 - Math.max(...ys));
    shape.points = points.map(([x, y]) => [x + across, y + down]);
  }

  insert(shape, index) {
    const points = shape.points;
    const [[ax, ay], [bx, by]] = [points[index], points[(index + 1) % points.length]];
    shape.points = points.toSpliced(index + 1, 0, [(ax + bx) / 2, (ay + by) / 2]);
  }

  // --- drawing a new shape ---

  begin(kind) {
    this.drawing = { kind, points: [] };
    this.say(this.words[kind === "line" ? "draw_line" : "draw"]);
    this.draw();
  }

  click(event) {
    const { kind, points } = this.drawing;
    const place = this.overlay.place(event);
    if (kind !== "line" && points.length >= 3) {
      const [[ax, ay], [bx, by]] = [this.overlay.pixels(points[0]), this.overlay.pixels(place)];
      if (Math.hypot(ax - bx, ay - by) <= TOUCH_PX) {
        this.finish();
        return;
      }
    }
    points.push(place);
    if (kind === "line" && points.length === 2) {
      this.finish();
    } else {
      this.draw();
    }
  }

  finish() {
    const { kind, points } = this.drawing;
    if (points.length < (kind === "line" ? 2 : 3)) {
      this.say(this.words[kind === "line" ? "least_line" : "least"]);
      return;
    }
    this.drawing = null;
    const shape = this.add(kind, points);
    this.say("");
    this.keep();
    shape.item.querySelector(kind === "mask" ? "[name=points]" : "input[name=shape]").select();
  }

  cancel() {
    this.drawing = null;
    this.say("");
    this.draw();
  }

  // With keys there is nothing to click: a shape in the middle of the picture, to be moved corner by corner.
  placeOne(kind) {
    const points = kind === "line" ? [[0.3, 0.5], [0.7, 0.5]] : [[0.35, 0.35], [0.65, 0.35], [0.65, 0.65], [0.35, 0.65]];
    const shape = this.add(kind, points);
    this.keep();
    this.svg.querySelector(`[data-key="corner-${this.shapes.indexOf(shape)}-0"]`)?.focus();
  }

  // --- keys ---

  keyOnShape(event, shape, number) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(shape);
      this.svg.querySelector(`[data-key="corner-${number}-0"]`)?.focus();
    } else if (this.arrowed(event)) {
      const [dx, dy] = this.arrowed(event);
      this.moveAll(shape, shape.points, dx, dy);
      this.keep();
    } else if (event.key === "Delete") {
      event.preventDefault();
      this.drop(shape);
    }
  }

  keyOnCorner(event, shape, index, number) {
    const way = this.arrowed(event);
    if (way) {
      const [x, y] = shape.points[index];
      this.moveCorner(shape, index, [x + way[0], y + way[1]]);
      this.keep();
      this.tell(shape.points[index].map(tidy).join(", "));
    } else if (event.key === "Insert" || event.key === "+") {
      event.preventDefault();
      if (shape.kind !== "line") {
        this.insert(shape, index);
        this.keep();
        this.svg.querySelector(`[data-key="corner-${number}-${index + 1}"]`)?.focus();
        this.tell(this.words.added);
      }
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.removeCorner(shape, index, number);
    } else if (event.key === "Escape") {
      this.svg.querySelector(`[data-key="body-${number}"]`)?.focus();
    }
  }

  removeCorner(shape, index, number) {
    if (shape.points.length <= shape.least) {
      this.tell(this.words[shape.kind === "line" ? "least_line" : "least"]);
      return;
    }
    shape.points = shape.points.toSpliced(index, 1);
    this.keep();
    this.svg.querySelector(`[data-key="corner-${number}-${Math.max(index - 1, 0)}"]`)?.focus();
    this.tell(this.words.removed);
  }

  arrowed(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) {
      return null;
    }
    event.preventDefault();
    return way.map((part) => part * (event.shiftKey ? LARGE_STEP : STEP));
  }

  listen() {
    this.form.querySelector(".editor-tools").hidden = false;
    this.say("");
    this.form.querySelectorAll("[data-add]").forEach((button) => {
      button.addEventListener("click", (event) => (event.detail === 0 ? this.placeOne : this.begin).call(this, button.dataset.add));
    });
    this.form.querySelector("[data-undo]").addEventListener("click", () => this.travel(this.past, this.future, this.words.undone));
    this.form.querySelector("[data-redo]").addEventListener("click", () => this.travel(this.future, this.past, this.words.redone));
    this.svg.addEventListener("pointerdown", (event) => {
      if (this.drawing !== null && event.button === 0) {
        event.preventDefault();
        this.click(event);
      }
    });
    document.addEventListener("keydown", (event) => this.key(event));
    this.form.addEventListener("submit", () => (this.saved = this.now = JSON.stringify(this.state())));
    window.addEventListener("beforeunload", (event) => {
      if (JSON.stringify(this.state()) !== this.saved) {
        event.preventDefault();
      }
    });
  }

  key(event) {
    const isTyping = event.target.matches?.("input, textarea, select");
    if (this.drawing !== null && event.key === "Enter") {
      event.preventDefault();
      this.finish();
    } else if (this.drawing !== null && event.key === "Escape") {
      this.cancel();
    } else if ((event.ctrlKey || event.metaKey) && !isTyping) {
      const key = event.key.toLowerCase();
      if (key === "z" && !event.shiftKey) {
        event.preventDefault();
        this.travel(this.past, this.future, this.words.undone);
      } else if (key === "y" || key === "z") {
        event.preventDefault();
        this.travel(this.future, this.past, this.words.redone);
      }
    }
  }

  tell(words) {
    this.form.querySelector("[data-told]").textContent = words;
  }

  say(words) {
    this.hint = words;
    this.note.textContent = words || this.seen || "";
  }

  // --- the picture ---

  async watch() {
    let after = "0";
    this.seen = "";
    await this.still().catch(() => this.seeing(this.words.none, true));
    while (this.form.isConnected) {
      await new Promise((done) => setTimeout(done, LOOK_MS));
      if (document.hidden) {
        continue;
      }
      const answer = await fetch(`${this.form.dataset.look}?after=${after}`).catch(() => null);
      if (answer?.status === 200) {
        after = answer.headers.get("X-Shown");
        const data = await answer.arrayBuffer();
        const told = new DataView(data).getUint32(0);
        await this.show(new Blob([new Uint8Array(data, 8 + told)], { type: "image/jpeg" }));
        this.seeing(this.words.live, false);
      }
    }
  }

  async still() {
    const answer = await fetch(this.form.dataset.still);
    if (answer.status !== 200) {
      this.seeing(this.words.none, true);
      return;
    }
    await this.show(await answer.blob());
    this.seeing(this.words.old, true);
  }

  seeing(words, isOld) {
    this.seen = words;
    this.stage.classList.toggle("is-old", isOld);
    if (!this.hint) {
      this.note.textContent = words;
    }
  }

  async show(blob) {
    const picture = await createImageBitmap(blob);
    if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
      this.canvas.width = picture.width;
      this.canvas.height = picture.height;
    }
    this.canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
  }
}

const editorForm = document.getElementById("editor");
if (editorForm) {
  new Editor(editorForm);
}
