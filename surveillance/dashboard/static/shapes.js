// What the editor of zones draws: points in 0..1 of the picture, and one shape with its fields on the page.
"use strict";

// --- geometry, in 0..1 of the picture -----------------------------------------------------------------------------------

const clamp = (value) => Math.min(Math.max(value, 0), 1);
const tidy = (value) => String(Number(value.toFixed(4)));

function parsePoints(text) {
  const points = text
    .replaceAll(";", " ")
    .trim()
    .split(/\s+/)
    .map((word) => word.split(",").map(Number));
  return points.every((point) => point.length === 2 && point.every(Number.isFinite)) ? points : null;
}

const pointsText = (points) => points.map((point) => point.map(tidy).join(",")).join(" ");

function turn(a, b, c) {
  return Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
}

function cross(a, b, c, d) {
  return turn(a, b, c) * turn(a, b, d) <= 0 && turn(c, d, a) * turn(c, d, b) <= 0;
}

// Whether edges that are no neighbors touch, or nothing is enclosed.
function isCrossing(points) {
  const count = points.length;
  const area = points.reduce((sum, [x, y], i) => sum + x * points[(i + 1) % count][1] - points[(i + 1) % count][0] * y, 0);
  if (Math.abs(area) < 1e-9) {
    return true;
  }
  for (let i = 0; i < count; i++) {
    for (let j = i + 2; j < count; j++) {
      const neighbors = i === 0 && j === count - 1;
      if (!neighbors && cross(points[i], points[i + 1], points[j], points[(j + 1) % count])) {
        return true;
      }
    }
  }
  return false;
}

// --- one shape: its fields ----------------------------------------------------------------------------------------------

class Shape {
  constructor(item) {
    this.item = item;
    this.kind = item.dataset.kind;
  }

  get name() {
    return this.item.querySelector("[name=shape]").value;
  }

  get points() {
    return parsePoints(this.item.querySelector("[name=points]").value) ?? [];
  }

  set points(points) {
    this.item.querySelector("[name=points]").value = pointsText(points);
  }

  get isRestricted() {
    return this.item.querySelector("[name=restricted]").value === "yes";
  }

  get least() {
    return this.kind === "line" ? 2 : 3;
  }

  state() {
    return { kind: this.kind, name: this.name, points: pointsText(this.points), restricted: this.isRestricted };
  }

  blame(words) {
    const place = this.item.querySelector(".fault");
    place.hidden = words === "";
    place.querySelector("span").textContent = words;
  }
}
