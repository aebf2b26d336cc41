// One camera's screen: its picture, and what is drawn over it.
"use strict";

const STALE_MS = 3000; // without a picture for so long, none is shown
const PATH_MS = 20_000;
const UNITS = 1000; // width of an overlay in its own units
const TEXT_PX = 13;
const SVG = "http://www.w3.org/2000/svg";

function shape(parent, kind, attributes, text) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  if (text !== undefined) {
    made.textContent = text;
  }
  parent.append(made);
  return made;
}

class Screen {
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.camera = root.dataset.camera;
    this.shapes = JSON.parse(root.dataset.shapes);
    this.staleMs = Math.max(STALE_MS, 2500 / Number(root.dataset.fps));
    this.stage = root.querySelector(".live-stage");
    this.canvas = root.querySelector("canvas");
    this.svg = root.querySelector("svg.live-overlay");
    this.note = root.querySelector(".live-note-text");
    this.trouble = ""; // what core says of the camera while it is not live
    this.seenMs = null; // when the picture shown came
    this.seenAt = ""; // and what time it shows
    this.paths = new Map(); // track -> [{x, y, ms}]
    this.waiting = null;
    this.zoom = 1;
    this.layers = {};
    for (const name of ["zones", "motion", "paths", "tracks"]) {
      this.layers[name] = shape(this.svg, "g", { class: `live-${name}` });
    }
    new ResizeObserver(() => this.fit()).observe(root);
  }

  // --- pictures come ---

  async take(facts, jpeg) {
    const isBusy = this.waiting !== null;
    this.waiting = [facts, jpeg]; // the newest wins
    if (isBusy) {
      return;
    }
    while (this.waiting) {
      const [told, picture] = this.waiting;
      try {
        this.show(told, await createImageBitmap(new Blob([picture], { type: "image/jpeg" })));
      } catch {
        // A picture that cannot be read is one that did not come.
      }
      if (this.waiting[0] === told) {
        this.waiting = null;
      }
    }
  }

  show(facts, picture) {
    if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
      this.canvas.width = picture.width;
      this.canvas.height = picture.height;
      this.svg.setAttribute("viewBox", `0 0 ${UNITS} ${this.tall()}`);
      this.fit();
      this.drawZones();
    }
    this.canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    this.drawMotion(facts);
    this.drawTracks(facts);
    this.seenMs = performance.now();
    this.seenAt = facts.at;
    this.state("live", this.trouble);
  }

  tick() {
    if (this.page.isPaused) {
      if (this.root.dataset.state === "live") {
        this.state("paused", `${this.page.words.paused} ${this.page.clock(this.seenAt)}`);
      }
    } else if (this.seenMs === null) {
      this.state("wait", this.page.trouble || this.trouble || this.page.words.wait);
    } else if (performance.now() - this.seenMs > this.staleMs) {
      const since = `${this.page.words.none} ${this.page.clock(this.seenAt)}`;
      this.state("stale", this.page.trouble || this.trouble || since);
      this.paths.clear();
    }
  }

  state(name, note) {
    this.root.dataset.state = name;
    this.root.classList.toggle("has-note", note !== "");
    if (this.note.textContent !== note) {
      this.note.textContent = note;
    }
  }

  tell(status) {
    const isNews = this.trouble !== status.note;
    this.trouble = status.note;
    const text = (this.root.closest("li") ?? this.page.root).querySelector(".live-status");
    if (text) {
      text.innerHTML = status.html;
    }
    if (isNews && status.note) {
      this.page.say(`${this.camera}: ${status.note}`);
    }
  }

  // --- what is drawn ---

  tall() {
    return Math.round((UNITS * this.canvas.height) / this.canvas.width);
  }

  fit() {
    const share = Math.min(this.root.clientWidth / this.canvas.width, this.root.clientHeight / this.canvas.height);
    this.stage.style.width = `${this.canvas.width * share}px`;
    this.stage.style.height = `${this.canvas.height * share}px`;
    this.textSize();
  }

  textSize() {
    this.unit = (TEXT_PX * UNITS) / Math.max(this.stage.clientWidth * this.zoom, 1);
    this.svg.style.fontSize = `${this.unit}px`;
  }

  points(corners) {
    return corners.map(([x, y]) => `${x * UNITS},${y * this.tall()}`).join(" ");
  }

  drawZones() {
    const layer = this.layers.zones;
    layer.replaceChildren();
    for (const mask of this.shapes.masks) {
      shape(layer, "polygon", { class: "mask", points: this.points(mask) });
    }
    for (const line of this.shapes.lines) {
      shape(layer, "polyline", { class: "line", points: this.points(line.points) });
      this.drawArrow(layer, line.points);
      this.name(layer, line.points[0], line.name);
    }
    for (const zone of this.shapes.zones) {
      const kind = zone.restricted ? "zone is-restricted" : "zone";
      shape(layer, "polygon", { class: kind, points: this.points(zone.points) });
      const top = zone.points.reduce((best, point) => (point[1] < best[1] ? point : best));
      this.name(layer, top, zone.restricted ? `${zone.name} (${this.page.words.restricted})` : zone.name);
    }
  }

  // Points to the `in` side of a line: to the right hand of the way from its start to its end.
  drawArrow(layer, [[x1, y1], [x2, y2]]) {
    const tall = this.tall();
    const [across, down] = [(x2 - x1) * UNITS, (y2 - y1) * tall];
    const length = Math.hypot(across, down) || 1;
    const [x, y] = [((x1 + x2) / 2) * UNITS, ((y1 + y2) / 2) * tall];
    const [along, side] = [[across / length, down / length], [-down / length, across / length]];
    const size = UNITS / 30;
    const tip = [x + side[0] * size, y + side[1] * size];
    const wing = (way) => [tip[0] - side[0] * size * 0.4 + along[0] * way, tip[1] - side[1] * size * 0.4 + along[1] * way];
    const ends = [[x, y], tip, wing(size * 0.3), tip, wing(-size * 0.3)];
    shape(layer, "polyline", { class: "line", points: ends.map((end) => end.join(",")).join(" ") });
  }

  drawMotion(facts) {
    const layer = this.layers.motion;
    layer.replaceChildren();
    for (const region of facts.regions) {
      shape(layer, "rect", this.corners(region));
    }
    const drops = Object.values(facts.drops).reduce((sum, count) => sum + count, 0);
    const gate = this.page.words.gates[facts.gate] ?? facts.gate;
    const said = drops ? `${gate} · ${this.page.words.drops}: ${drops}` : gate;
    shape(layer, "text", { x: this.unit * 0.6, y: this.tall() - this.unit * 0.8 }, said);
  }

  drawTracks(facts) {
    const layer = this.layers.tracks;
    layer.replaceChildren();
    const now = performance.now();
    for (const seen of facts.boxes) {
      const kind = seen.confirmed ? "" : "is-doubted";
      const place = this.corners(seen.box);
      if (seen.confirmed) {
        shape(layer, "rect", { ...place, class: "is-edge" });
      }
      shape(layer, "rect", { ...place, class: kind });
      const label = this.page.words.labels[seen.label] ?? seen.label;
      this.name(layer, [seen.box[0], seen.box[1]], `#${seen.track} ${label} ${Math.round(seen.confidence * 100)} %`);
      const path = this.paths.get(seen.track) ?? [];
      path.push({ x: (seen.box[0] + seen.box[2]) / 2, y: seen.box[3], ms: now });
      this.paths.set(seen.track, path);
    }
    this.drawPaths(now);
  }

  drawPaths(now) {
    const layer = this.layers.paths;
    layer.replaceChildren();
    for (const [track, path] of this.paths) {
      while (path.length && now - path[0].ms > PATH_MS) {
        path.shift();
      }
      if (!path.length) {
        this.paths.delete(track);
      } else if (path.length > 1) {
        shape(layer, "polyline", { class: "path", points: this.points(path.map(({ x, y }) => [x, y])) });
      }
    }
  }

  corners([x1, y1, x2, y2]) {
    const tall = this.tall();
    return { x: x1 * UNITS, y: y1 * tall, width: (x2 - x1) * UNITS, height: (y2 - y1) * tall };
  }

  // Above a point, within the picture.
  name(layer, [x, y], text) {
    const place = shape(layer, "text", {}, text);
    const wide = text.length * this.unit * 0.66;
    place.setAttribute("x", Math.max(Math.min(x * UNITS, UNITS - wide), this.unit * 0.3));
    place.setAttribute("y", Math.max(y * this.tall() - this.unit * 0.4, this.unit * 1.1));
  }
}
