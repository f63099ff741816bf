const NEXT_POINT = 0.2; // of the brush's radius, before a drag gives another point
const nearlyWhole = (value, digits) => Number(value.toFixed(digits));

// Pointer and keys to strokes.
class PaintHand {
  constructor(widget, layer, marks, axes, view) {
    Object.assign(this, { widget, layer, marks, axes, view, stroke: null, lastDab: null });
    const tell = element("span", { class: "wb-soft", role: "status" });
    this.tell = (words) => { tell.textContent = words; };
    this.status = tell;
  }

  make(tool, points) {
    const stroke = { tool, stem: this.widget.get("stem"), points };
    for (const name of ["gain", "softness", "size_seconds", "size_octaves", "others_get_rest"]) stroke[name] = this.widget.get(name);
    stroke.overtones = tool === "harmonic" ? this.widget.get("overtones") : 0;
    return stroke;
  }

  round({ x, y }) { return [nearlyWhole(x, 5), nearlyWhole(y, 3)]; }

  commit(stroke) {
    const strokes = [...this.widget.get("strokes").slice(0, this.widget.get("position")), stroke];
    this.widget.set("strokes", strokes);
    this.widget.set("position", strokes.length);
  }

  // A stroke that is there all at once.
  paint(tool, points) {
    const stroke = this.make(tool, points);
    if (points.length) this.layer.lay(stroke);
    this.commit(stroke);
  }

  // For the pointer; of the tools that draw lines.
  get tool() {
    return {
      cursor: "crosshair",
      down: (point) => {
        const tool = this.widget.get("tool");
        if (tool === "rectangle") { this.marks.corner = { x: point.x, y: point.y }; return; }
        this.stroke = this.make(tool, [this.round(point)]);
        this.layer.begin(this.stroke);
      },
      move: (point) => { if (this.stroke) this.#goTo(point, NEXT_POINT); },
      up: (point) => {
        if (this.stroke) {
          this.#goTo(point, 0);
          this.layer.end(true);
          this.commit(this.stroke);
          this.stroke = null;
        } else if (this.marks.corner) {
          this.paint("rectangle", [this.round(this.marks.corner), this.round(point)]);
          this.marks.corner = null;
        }
      },
      cancel: () => {
        if (this.stroke) this.layer.end(false);
        Object.assign(this, { stroke: null });
        this.marks.corner = null;
      },
    };
  }

  #goTo(point, least) {
    const { stroke, layer: { plane } } = this, last = stroke.points.at(-1), next = this.round(point);
    const dx = (next[0] - last[0]) / plane.halfWidth(stroke.size_seconds);
    const dy = (plane.height(next[1]) - plane.height(last[1])) / (stroke.size_octaves / 2);
    if (Math.hypot(dx, dy) <= least) return;
    stroke.points.push(next);
    this.layer.extend(last, next);
  }

  undo(by) {
    const position = clamp(this.widget.get("position") + by, 0, this.widget.get("strokes").length);
    this.widget.set("position", position);
  }

  // Keys on the picture, taken before its own.
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.widget.get("tool") === "move") return;
    const key = (event.shiftKey ? "Shift+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
    const run = {
      ArrowLeft: () => this.#step(-1, 0), ArrowRight: () => this.#step(1, 0), ArrowUp: () => this.#step(0, 1), ArrowDown: () => this.#step(0, -1),
      "Shift+ArrowLeft": () => this.#step(-1, 0, true), "Shift+ArrowRight": () => this.#step(1, 0, true),
      "Shift+ArrowUp": () => this.#step(0, 1, true), "Shift+ArrowDown": () => this.#step(0, -1, true),
      Enter: () => this.#dab(false), " ": () => this.#dab(false), "Shift+Enter": () => this.#dab(true),
      r: () => this.#corner(), Escape: this.marks.corner && (() => { this.marks.corner = null; this.tell("corner forgotten"); }),
      z: () => this.undo(-1), "Shift+z": () => this.undo(1),
    }[key];
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    Object.assign(this.marks, { pointer: null, hasFocus: true });
    run();
    this.axes.repaintOverlay();
  }

  // Where the keyboard paints; brought into what is shown.
  place() {
    const { view, marks } = this, middle = (range, scale) => valueAt(0.5, range, scale);
    marks.cursor ??= { x: middle(view.x, "linear"), y: middle(view.y, view.scales.y) };
    marks.cursor = { x: clamp(marks.cursor.x, ...view.x), y: clamp(marks.cursor.y, ...view.y) };
    return marks.cursor;
  }

  #step(right, up, isFine) {
    const { view, layer: { plane } } = this, { x, y } = this.place();
    const next = { x, y };
    if (right) next.x = x + right * (isFine ? plane.columnSeconds : (view.x[1] - view.x[0]) / 50);
    if (up) next.y = isFine ? y + up * plane.rowHertz : valueAt(placeIn(y, view.y, view.scales.y) + up / 50, view.y, view.scales.y);
    for (const [axis, value] of Object.entries(next)) { // the view follows a cursor that leaves it
      if (value < view[axis][0]) view.pan(axis, -0.5);
      if (value > view[axis][1]) view.pan(axis, 0.5);
    }
    this.marks.cursor = { x: clamp(next.x, ...view.whole.x), y: clamp(next.y, ...view.whole.y) };
    this.place();
    this.describe();
  }

  describe() {
    const { x, y } = this.place(), gain = this.layer.gainAt(x, y);
    this.tell(`cursor at ${formatValue(x, "s", 0.01)}, ${formatValue(Math.round(y), "Hz")}${gain === null ? "" : `, gain ${gain.toFixed(2)}`}`);
  }

  #dab(isLine) {
    const tool = this.widget.get("tool");
    if (tool === "rectangle") return this.#corner();
    const point = this.round(this.place());
    this.paint(tool, isLine && this.lastDab ? [this.lastDab, point] : [point]);
    this.lastDab = point;
    this.describe();
  }

  #corner() {
    const { marks } = this, { x, y } = this.place();
    if (marks.corner) {
      this.paint("rectangle", [this.round(marks.corner), this.round({ x, y })]);
      marks.corner = null;
      this.describe();
    } else {
      marks.corner = { x, y };
      this.tell(`corner at ${formatValue(x, "s", 0.01)}, ${formatValue(Math.round(y), "Hz")}: move on and press R again`);
    }
  }
}
