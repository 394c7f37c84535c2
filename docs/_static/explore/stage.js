// What the explorables share: a drawing in SVG, handles that follow pointer and arrow keys,
// buttons, sliders, and a line that says in words what is shown.
window.Stage = class {
  // `x` and `y` are [low, high] of the data drawn; `labels` the words on the axes; `ticks` how many
  // there are on each axis, or where they are.
  constructor(figure, { height = 320, x, y, labels, ticks = [5, 5], left = 58 }) {
    this.figure = figure;
    this.range = { x, y };
    this.box = { left, top: 12, right: 628, bottom: height - 44 };
    figure.querySelector(".explorable-off").remove();
    this.svg = this.add("svg", { viewBox: `0 0 640 ${height}`, role: "group" }, figure);
    this.svg.setAttribute("aria-label", figure.dataset.label);
    this.axes(labels, ticks);
    this.under = this.add("g", {});
    this.over = this.add("g", {});
    this.controls = this.html("div", "player-controls", figure);
    this.words = this.html("p", "explorable-words", figure);
    this.words.setAttribute("aria-live", "polite");
  }

  html(tag, name, parent) {
    const element = document.createElement(tag);
    element.className = name;
    return parent.appendChild(element);
  }

  add(tag, attributes, parent = this.svg) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return parent.appendChild(element);
  }

  write(text, attributes, parent = this.svg) {
    this.add("text", attributes, parent).textContent = text;
  }

  X(v) {
    const [low, high] = this.range.x;
    return this.box.left + ((v - low) / (high - low)) * (this.box.right - this.box.left);
  }

  Y(v) {
    const [low, high] = this.range.y;
    return this.box.bottom - ((v - low) / (high - low)) * (this.box.bottom - this.box.top);
  }

  axes([across, up], ticks) {
    const { left, top, right, bottom } = this.box;
    const round = (v) => String(Math.round(v * 1000) / 1000).replace("-", "\u2212");
    const at = ([low, high], n) =>
      Array.isArray(n) ? n : Array.from({ length: n }, (_, i) => low + (i * (high - low)) / (n - 1));
    for (const v of at(this.range.x, ticks[0])) {
      this.write(round(v), { x: this.X(v), y: bottom + 17, class: "e-tick", "text-anchor": "middle" });
    }
    for (const v of at(this.range.y, ticks[1])) {
      this.add("line", { x1: left, x2: right, y1: this.Y(v), y2: this.Y(v), class: "e-grid" });
      this.write(round(v), { x: left - 7, y: this.Y(v) + 4, class: "e-tick", "text-anchor": "end" });
    }
    const middle = (top + bottom) / 2;
    this.write(across, { x: (left + right) / 2, y: bottom + 37, class: "e-label", "text-anchor": "middle" });
    this.write(up, { x: 14, y: middle, class: "e-label", "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` });
  }

  clear() {
    this.under.replaceChildren();
  }

  line(points, name, parent = this.under) {
    const text = points.map(([x, y]) => `${this.X(x).toFixed(2)},${this.Y(y).toFixed(2)}`).join(" ");
    return this.add("polyline", { points: text, class: name, fill: "none" }, parent);
  }

  dot(x, y, name, r = 5) {
    return this.add("circle", { cx: this.X(x), cy: this.Y(y), r, class: name }, this.under);
  }

  button(label, act) {
    const button = this.html("button", "player-play", this.controls);
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", act);
    return button;
  }

  slider(label, { min, max, step, value }, act) {
    const holder = this.html("label", "", this.controls);
    const name = this.html("span", "", holder);
    name.textContent = label;
    const input = this.html("input", "", holder);
    Object.assign(input, { type: "range", min, max, step });
    input.value = value;
    input.addEventListener("input", () => act(Number(input.value)));
    return input;
  }

  // A point that can be dragged, or moved by arrow keys (ten times as far with Shift); `axis` is
  // "x", or "xy". `act(x, y)` is called with data coordinates.
  handle(label, name, axis, step, act) {
    const node = this.add("g", { class: `e-handle ${name}`, tabindex: 0, role: "slider" }, this.over);
    this.add("circle", { r: 22, class: "e-reach" }, node);
    this.add("circle", { r: 8 }, node);
    const place = { x: 0, y: 0 };
    const inside = (v, [low, high]) => Math.min(high, Math.max(low, v));
    const set = (x, y) => {
      place.x = inside(x, this.range.x);
      place.y = inside(y, this.range.y);
      node.setAttribute("transform", `translate(${this.X(place.x)} ${this.Y(place.y)})`);
      node.setAttribute("aria-label", label);
      node.setAttribute("aria-valuenow", place.x.toFixed(2));
      node.setAttribute("aria-valuetext", axis === "x" ? place.x.toFixed(1) : `${place.x.toFixed(2)}, ${place.y.toFixed(2)}`);
    };
    const go = (x, y) => {
      set(x, axis === "x" ? place.y : y);
      act(place.x, place.y);
    };
    node.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
      if (!way || (axis === "x" && way[1])) return;
      event.preventDefault();
      const far = event.shiftKey ? 10 * step : step;
      go(place.x + far * way[0], place.y + far * way[1]);
    });
    node.addEventListener("pointerdown", (event) => node.setPointerCapture(event.pointerId));
    node.addEventListener("pointermove", (event) => {
      if (!node.hasPointerCapture(event.pointerId)) return;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
      const { left, top, right, bottom } = this.box;
      const [x, y] = [this.range.x, this.range.y];
      go(x[0] + ((at.x - left) / (right - left)) * (x[1] - x[0]), y[0] + ((bottom - at.y) / (bottom - top)) * (y[1] - y[0]));
    });
    return set;
  }

  static each(name, make) {
    for (const figure of document.querySelectorAll(`figure.explorable[data-name="${name}"]`)) {
      make(figure, JSON.parse(figure.querySelector("script").textContent));
    }
  }
};
