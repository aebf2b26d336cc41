// Live pictures: one stream for all screens of a page, and a closer look at one.
"use strict";

const NEXT_MS = 50; // from one stream to the next
const WAITS_MS = [500, 1000, 2000, 5000];

// --- what this browser remembers ------------------------------------------------------------------------------------

function remembered(name, otherwise) {
  try {
    return localStorage.getItem(name) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing begins anew each time.
  }
}

// --- the stream -----------------------------------------------------------------------------------------------------

function joined(first, second) {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

// Calls `take` with the JSON and the JPEG (or null) of each message of a stream.
async function readMessages(stream, take) {
  const reader = stream.getReader();
  const words = new TextDecoder();
  let bytes = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    bytes = joined(bytes, value);
    for (;;) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const told = bytes.length < 8 ? 0 : view.getUint32(0);
      const size = bytes.length < 8 ? 0 : view.getUint32(4);
      if (bytes.length < 8 || bytes.length < 8 + told + size) {
        break;
      }
      const jpeg = size ? bytes.slice(8 + told, 8 + told + size) : null;
      take(JSON.parse(words.decode(bytes.subarray(8, 8 + told))), jpeg);
      bytes = bytes.subarray(8 + told + size);
    }
  }
}

class LivePage {
  constructor(root) {
    this.root = root;
    this.words = JSON.parse(root.dataset.words);
    this.isPaused = false;
    this.trouble = ""; // what is wrong with the stream
    this.fails = 0;
    this.stopping = new AbortController();
    this.hours = new Intl.DateTimeFormat(document.documentElement.lang, {
      timeZone: root.dataset.zone,
      timeStyle: "medium",
      hourCycle: "h23",
    });
    const screens = [...root.querySelectorAll(".live-screen")].map((element) => new Screen(element, this));
    this.screens = new Map(screens.map((screen) => [screen.camera, screen]));
    this.inView = new Set();
    this.watchView();
    document.addEventListener("visibilitychange", () => this.again());
    setInterval(() => this.tick(), 500);
  }

  clock(at) {
    return at ? this.hours.format(new Date(at)) : "";
  }

  say(words) {
    const place = this.root.querySelector("[data-said]");
    if (place) {
      place.textContent = words;
    }
  }

  tick() {
    this.screens.forEach((screen) => screen.tick());
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    this.again();
  }

  // Only screens that can be seen are asked for.
  watchView() {
    let soon = 0;
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          this.inView[isIntersecting ? "add" : "delete"](target.dataset.camera);
        }
        clearTimeout(soon);
        soon = setTimeout(() => this.again(), 250);
      },
      { rootMargin: "150px" },
    );
    this.screens.forEach((screen) => observer.observe(screen.root));
  }

  // Ends the stream that runs and begins the one that is wanted now, if any.
  again() {
    this.tick();
    this.stopping.abort();
    this.stopping = new AbortController();
    if (!document.hidden && !this.isPaused && this.inView.size) {
      this.follow([...this.inView].sort(), this.stopping.signal);
    }
  }

  async follow(cameras, signal) {
    const address = new URL(this.root.dataset.live, location.href);
    cameras.forEach((camera) => address.searchParams.append("camera", camera));
    address.searchParams.set("size", this.root.dataset.size);
    while (!signal.aborted) {
      try {
        await this.read(address, signal);
      } catch {
        if (!signal.aborted) {
          this.trouble = this.words.away;
          this.fails += 1;
        }
      }
      const wait = this.fails ? WAITS_MS[Math.min(this.fails, WAITS_MS.length) - 1] : NEXT_MS;
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  async read(address, signal) {
    const answer = await fetch(address, { signal, headers: { Accept: "application/octet-stream" } });
    if (answer.status === 401 || answer.status === 404) {
      location.reload(); // signed out, or a camera that is there no more
      await new Promise(() => {});
    }
    if (!answer.ok) {
      this.trouble = answer.status === 503 ? this.words.full : this.words.away;
      this.fails += 1;
      return;
    }
    await readMessages(answer.body, (told, jpeg) => {
      this.trouble = "";
      this.fails = 0;
      this.take(told, jpeg);
    });
  }

  take(told, jpeg) {
    if (jpeg) {
      this.screens.get(told.camera)?.take(told, jpeg);
    } else {
      Object.entries(told.status).forEach(([camera, status]) => this.screens.get(camera)?.tell(status));
    }
  }
}

// --- a closer look at one -------------------------------------------------------------------------------------------

const MOST_ZOOM = 8;

class CloserLook {
  constructor(frame, screen) {
    this.frame = frame;
    this.screen = screen;
    [this.x, this.y] = [0, 0]; // of the stage's middle, from that of the screen, in pixels
    this.fingers = new Map();
    const root = screen.root;
    root.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    root.addEventListener("pointerdown", (event) => this.down(event));
    root.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      root.addEventListener(end, (event) => this.up(event));
    }
    root.addEventListener("dblclick", (event) => this.by(this.screen.zoom > 1 ? 0 : 2.5, event));
    frame.addEventListener("keydown", (event) => this.key(event));
  }

  // Zooms by a factor about where something happened, or the middle; 0 shows the whole picture.
  by(factor, event) {
    const box = this.screen.root.getBoundingClientRect();
    const x = event ? event.clientX - box.left - box.width / 2 : 0;
    const y = event ? event.clientY - box.top - box.height / 2 : 0;
    const before = this.screen.zoom;
    const zoom = factor ? Math.min(Math.max(before * factor, 1), MOST_ZOOM) : 1;
    this.screen.zoom = zoom;
    this.to(x - ((x - this.x) * zoom) / before, y - ((y - this.y) * zoom) / before);
  }

  // Puts the picture there, but no further than its border is from the screen's.
  to(x, y) {
    const { root, stage, zoom } = this.screen;
    const room = [(stage.clientWidth * zoom - root.clientWidth) / 2, (stage.clientHeight * zoom - root.clientHeight) / 2];
    this.x = zoom === 1 ? 0 : Math.min(Math.max(x, -Math.max(room[0], 0)), Math.max(room[0], 0));
    this.y = zoom === 1 ? 0 : Math.min(Math.max(y, -Math.max(room[1], 0)), Math.max(room[1], 0));
    stage.style.transform = zoom === 1 ? "" : `translate(${this.x}px, ${this.y}px) scale(${zoom})`;
    this.frame.classList.toggle("is-zoomed", zoom > 1);
    this.screen.textSize();
    this.screen.drawZones();
  }

  wheel(event) {
    event.preventDefault();
    this.by(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), event);
  }

  down(event) {
    this.fingers.set(event.pointerId, event);
    if (this.screen.zoom > 1 || this.fingers.size > 1) {
      this.screen.root.setPointerCapture(event.pointerId);
      this.frame.classList.add("is-moving");
    }
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) {
      return;
    }
    this.fingers.set(event.pointerId, event);
    if (this.fingers.size === 2) {
      const other = [...this.fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
      const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY) || 1;
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
      this.by(apart(event) / apart(before), middle);
    } else if (this.screen.zoom > 1) {
      this.to(this.x + event.clientX - before.clientX, this.y + event.clientY - before.clientY);
    }
  }

  up(event) {
    this.fingers.delete(event.pointerId);
    if (!this.fingers.size) {
      this.frame.classList.remove("is-moving");
    }
  }

  key(event) {
    const step = 60;
    const deeds = {
      "+": () => this.by(1.4),
      "=": () => this.by(1.4),
      "-": () => this.by(1 / 1.4),
      0: () => this.by(0),
      ArrowLeft: () => this.to(this.x + step, this.y),
      ArrowRight: () => this.to(this.x - step, this.y),
      ArrowUp: () => this.to(this.x, this.y + step),
      ArrowDown: () => this.to(this.x, this.y - step),
    };
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isPlain && deeds[event.key] && (this.screen.zoom > 1 || !event.key.startsWith("Arrow"))) {
      event.preventDefault();
      deeds[event.key]();
    }
  }
}

// --- the tools ------------------------------------------------------------------------------------------------------

function offerOverlays(root) {
  let shown = remembered("live-overlays", "zones tracks").split(" ").filter(Boolean);
  const apply = () => {
    root.dataset.overlays = shown.join(" ");
    root.querySelectorAll("[data-overlay]").forEach((button) => {
      button.setAttribute("aria-pressed", String(shown.includes(button.dataset.overlay)));
    });
  };
  root.querySelectorAll("[data-overlay]").forEach((button) => {
    button.addEventListener("click", () => {
      const name = button.dataset.overlay;
      shown = shown.includes(name) ? shown.filter((other) => other !== name) : [...shown, name];
      remember("live-overlays", shown.join(" "));
      apply();
    });
  });
  apply();
}

function offerColumns(root) {
  const grid = root.querySelector(".live-grid");
  const choices = [...root.querySelectorAll("input[name=columns]")];
  if (!grid || !choices.length) {
    return;
  }
  const fitting = innerWidth < 600 ? "1" : innerWidth < 1000 ? "2" : "3";
  const wanted = remembered("live-columns", fitting);
  const chosen = choices.find((choice) => choice.value === wanted) ?? choices[2];
  chosen.checked = true;
  grid.dataset.columns = chosen.value;
  choices.forEach((choice) => {
    choice.addEventListener("change", () => {
      grid.dataset.columns = choice.value;
      remember("live-columns", choice.value);
    });
  });
}

function offerPause(root, page) {
  const button = root.querySelector("[data-pause]");
  button?.addEventListener("click", () => {
    page.pause(!page.isPaused);
    button.setAttribute("aria-pressed", String(page.isPaused));
  });
}

function offerCloserLook(root, page) {
  const frame = root.querySelector(".live-large");
  if (!frame) {
    return;
  }
  const look = new CloserLook(frame, page.screens.values().next().value);
  const factors = { in: 1.4, out: 1 / 1.4, whole: 0 };
  root.querySelectorAll("[data-zoom]").forEach((button) => {
    button.addEventListener("click", () => look.by(factors[button.dataset.zoom]));
  });
  const button = root.querySelector("[data-whole-screen]");
  const whole = root.querySelector(".live-whole");
  button.hidden = !document.fullscreenEnabled;
  const turn = () => (document.fullscreenElement ? document.exitFullscreen() : whole.requestFullscreen());
  button.addEventListener("click", turn);
  whole.addEventListener("keydown", (event) => {
    if (event.key === "f" && !event.ctrlKey && !event.metaKey && document.fullscreenEnabled) {
      turn();
    }
  });
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-live]").forEach((root) => {
    root.querySelectorAll(".live-tools").forEach((tools) => {
      tools.hidden = false;
    });
    offerOverlays(root);
    offerColumns(root);
    const page = new LivePage(root);
    offerPause(root, page);
    offerCloserLook(root, page);
  });
});
