// What lies over the picture in the editor of zones: shapes as SVG, whose parts can be caught and focused.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const CORNER_PX = 6;
const TOUCH_PX = 14; // how far from its middle a corner can be caught
const ARROW_PX = 34;

function make(kind, attributes, ...children) {
  const made = document.createElementNS(SVG, kind);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  made.append(...children);
  return made;
}

function filled(words, values) {
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

class Overlay {
  constructor(editor, svg, stage) {
    this.editor = editor;
    this.svg = svg;
    this.stage = stage;
  }

  draw() {
    const { width, height } = this.stage.getBoundingClientRect();
    this.width = width;
    this.height = height;
    const focused = document.activeElement?.dataset?.key;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.classList.toggle("is-drawing", this.editor.drawing !== null);
    const others = this.editor.shapes.filter((shape) => shape !== this.editor.chosen);
    const order = this.editor.chosen ? [...others, this.editor.chosen] : others; // the chosen one lies above
    this.svg.replaceChildren(...order.map((shape) => this.drawn(shape)), ...this.sketched());
    if (focused) {
      this.svg.querySelector(`[data-key="${focused}"]`)?.focus();
    }
  }

  pixels([x, y]) {
    return [x * this.width, y * this.height];
  }

  drawn(shape) {
    const number = this.editor.shapes.indexOf(shape);
    const isChosen = shape === this.editor.chosen && this.editor.drawing === null;
    const group = make("g", { "data-kind": shape.kind });
    group.classList.toggle("is-chosen", isChosen);
    group.classList.toggle("is-restricted", shape.isRestricted);
    const points = shape.points;
    const fault = points.length >= 3 && shape.kind !== "line" && isCrossing(points);
    group.classList.toggle("has-fault", fault);
    shape.blame(fault ? this.editor.words.crossing : "");
    if (points.length < 2) {
      return group;
    }
    const corners = points.map((point) => this.pixels(point).join(",")).join(" ");
    const outline = shape.kind === "line" ? "polyline" : "polygon";
    group.append(make(outline, { points: corners, class: "under" }));
    const label = filled(this.editor.words.shape, { shape: this.editor.title(shape) });
    const body = make(outline, { points: corners, class: "body", tabindex: 0, role: "button", "aria-label": label });
    body.dataset.key = `body-${number}`;
    group.append(body);
    if (shape.kind === "line") {
      group.append(make("polyline", { points: corners, class: "grip" }), ...this.arrow(points));
    }
    group.append(this.named(shape, points));
    group.querySelectorAll(".body, .grip").forEach((part) => {
      part.addEventListener("pointerdown", (event) => this.editor.grabShape(event, shape));
    });
    body.addEventListener("keydown", (event) => this.editor.keyOnShape(event, shape, number));
    if (isChosen) {
      group.append(...this.edges(shape, points), ...this.corners(shape, points, number));
    }
    return group;
  }

  // The arrow points to the right hand of the way from start to end: who crosses it that way goes in.
  arrow(points) {
    const [[ax, ay], [bx, by]] = points.map((point) => this.pixels(point));
    const length = Math.hypot(bx - ax, by - ay) || 1;
    const [nx, ny] = [-(by - ay) / length, (bx - ax) / length];
    const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
    const [tx, ty] = [mx + nx * ARROW_PX, my + ny * ARROW_PX];
    const head = [-1, 1].map((side) => [tx - 9 * nx - side * 6 * ny, ty - 9 * ny + side * 6 * nx]);
    const path = `M${mx} ${my}L${tx} ${ty}M${head[0]}L${tx} ${ty}L${head[1]}`;
    const word = make("text", { x: tx + nx * 12, y: ty + ny * 12 + 5, "font-size": 14, "stroke-width": 3, "text-anchor": "middle" }, this.editor.words.in);
    return [make("path", { d: path, class: "arrow" }), word];
  }

  named(shape, points) {
    const [x, y] = this.pixels(points.reduce((best, point) => (point[1] < best[1] ? point : best)));
    const place = { x: Math.min(Math.max(x, 4), this.width - 60), y: Math.min(Math.max(y - 10, 16), this.height - 6) };
    return make("text", { ...place, "font-size": 14, "stroke-width": 3 }, this.editor.title(shape));
  }

  corners(shape, points, number) {
    return points.map((point, index) => {
      const [cx, cy] = this.pixels(point);
      const values = { shape: this.editor.title(shape), number: index + 1, count: points.length };
      const words = shape.kind === "line" ? this.editor.words[index === 0 ? "start" : "end"] : this.editor.words.corner;
      const label = `${filled(words, values)}: ${point.map(tidy).join(", ")}`;
      const corner = make(
        "g",
        { class: "corner", tabindex: 0, role: "button", "aria-label": label },
        make("circle", { cx, cy, r: TOUCH_PX }),
        make("circle", { cx, cy, r: CORNER_PX, class: "dot" }),
      );
      corner.dataset.key = `corner-${number}-${index}`;
      corner.addEventListener("pointerdown", (event) => this.editor.grabCorner(event, shape, index));
      corner.addEventListener("keydown", (event) => this.editor.keyOnCorner(event, shape, index, number));
      return corner;
    });
  }

  edges(shape, points) {
    if (shape.kind === "line") {
      return [];
    }
    return points.map((point, index) => {
      const [ax, ay] = this.pixels(point);
      const [bx, by] = this.pixels(points[(index + 1) % points.length]);
      const place = { cx: (ax + bx) / 2, cy: (ay + by) / 2 };
      const edge = make("g", { class: "edge" }, make("circle", { ...place, r: TOUCH_PX - 2 }), make("circle", { ...place, r: 4, class: "dot" }));
      edge.append(make("title", {}, this.editor.words.edge));
      edge.addEventListener("pointerdown", (event) => {
        this.editor.insert(shape, index);
        this.editor.grabCorner(event, shape, index + 1);
      });
      return edge;
    });
  }

  sketched() {
    if (this.editor.drawing === null || this.editor.drawing.points.length === 0) {
      return [];
    }
    const points = this.editor.drawing.points.map((point) => this.pixels(point));
    const line = make("polyline", { points: points.map((point) => point.join(",")).join(" "), class: "body", "pointer-events": "none" });
    const dots = points.map(([cx, cy]) => make("circle", { cx, cy, r: CORNER_PX, class: "dot" }));
    return [make("g", { "data-kind": this.editor.drawing.kind, class: "sketch" }, line, make("g", { class: "corner", "pointer-events": "none" }, ...dots))];
  }

  // Where in the picture something happened.
  place(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [clamp((event.clientX - left) / this.width), clamp((event.clientY - top) / this.height)];
  }
}
