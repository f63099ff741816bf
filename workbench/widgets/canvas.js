// Axes over time and another quantity. What is drawn on them are layers: objects with draw(context, frame), and if they
// like describe(x, y, frame) and onChange(run).

// A canvas with scales. Options:
//   view; height in CSS pixels; name: accessible name of the picture
//   x: { label, unit } or null for none below a panel that has one right under it
//   y: { label, unit, range, scale } with a range of its own, without it the view's; y: null leaves it blank
//   bar: a LevelImage whose colours are explained on the right; "room" leaves the room, so that panels below line up
//   onHover(point or null), onClick(point); point = { x, y, text }
// axes.tool = { down(point, event), move(point, event), up(point, event), cursor } takes the pointer from panning.
class Axes {
  constructor(widget, { view, height = 240, name, x = { label: "time", unit: "s" }, y = {}, bar = null, onHover = null, onClick = null }) {
    Object.assign(this, { widget, view, name, xAxis: x, yAxis: y, bar, onHover, onClick });
    this.layers = [];
    this.overlays = []; // redrawn alone by repaintOverlay: a play position, a brush
    this.tool = null;
    this.canvas = element("canvas", { role: "img", "aria-label": name });
    this.top = element("canvas", { "aria-hidden": "true" });
    this.host = element("div", {
      class: "wb-axes", role: "group", tabindex: "0", "aria-label": `${name}: ${VIEW_KEYS_HELP}`, style: { height: `${height}px` },
    }, this.canvas, this.top);
    this.readout = element("div", { class: "wb-readout" }, "\u00a0");
    this.node = element("div", {}, this.host, this.readout);
    this.#listen();
    this.repaint();
  }

  add(layer) { this.layers.push(layer); layer.onChange?.(() => this.repaint()); this.repaint(); return layer; }
  addOverlay(layer) { this.overlays.push(layer); this.repaintOverlay(); return layer; }

  repaint() {
    this.frameRequest ??= requestAnimationFrame(() => { this.frameRequest = null; this.paint(); this.paintOverlay(); });
  }

  repaintOverlay() {
    this.overlayRequest ??= requestAnimationFrame(() => { this.overlayRequest = null; this.paintOverlay(); });
  }

  // Where the data lies on the canvas, in CSS pixels, with the theme's colours.
  measure() {
    const { width, height } = this.host.getBoundingClientRect();
    const style = getComputedStyle(this.host);
    const color = (part) => style.getPropertyValue(`--wb-${part}`).trim();
    const colors = Object.fromEntries(
      ["background", "text", "soft", "line", "grid", "accent", "highlight"].map((part) => [part, color(part)]));
    const ratio = window.devicePixelRatio || 1;
    const whole = (pixels) => Math.round(pixels * ratio) / ratio; // so that data pixels are the screen's
    const left = whole(this.yAxis ? 64 : 10), right = whole(this.bar ? 78 : 14), top = whole(8), bottom = whole(this.xAxis ? 40 : 8);
    const frame = {
      left, top, ratio, colors, font: `12px ${style.fontFamily}`,
      width: Math.max(1 / ratio, whole(width) - left - right), height: Math.max(1 / ratio, whole(height) - top - bottom),
      fullWidth: width, fullHeight: height,
      x: this.view.x, y: this.yAxis?.range ?? this.view.y,
      yScale: this.yAxis?.range ? this.yAxis.scale ?? "linear" : this.view.scales.y,
    };
    frame.toX = (value) => frame.left + frame.width * placeIn(value, frame.x, "linear");
    frame.toY = (value) => frame.top + frame.height * (1 - placeIn(value, frame.y, frame.yScale));
    frame.fromX = (pixel) => valueAt((pixel - frame.left) / frame.width, frame.x, "linear");
    frame.fromY = (pixel) => valueAt(1 - (pixel - frame.top) / frame.height, frame.y, frame.yScale);
    return frame;
  }

  paint() {
    if (!this.host.isConnected || !this.host.clientWidth) return;
    const frame = this.frame = this.measure();
    const context = this.#prepare(this.canvas, frame);
    this.#paintLayers(context, frame, this.layers);
    drawFrame(context, frame, this);
  }

  paintOverlay() {
    if (!this.frame || !this.host.isConnected) return;
    this.#paintLayers(this.#prepare(this.top, this.frame), this.frame, this.overlays);
  }

  #prepare(canvas, { ratio, fullWidth, fullHeight }) {
    const width = Math.round(fullWidth * ratio), height = Math.round(fullHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, fullWidth, fullHeight);
    return context;
  }

  #paintLayers(context, frame, layers) {
    context.save();
    context.beginPath();
    context.rect(frame.left, frame.top, frame.width, frame.height);
    context.clip();
    for (const layer of layers) {
      context.save();
      layer.draw(context, frame);
      context.restore();
    }
    context.restore();
  }

  // Data under a pointer, with a line of text on it.
  pointAt(event) {
    const frame = this.frame ?? this.measure();
    const box = this.host.getBoundingClientRect();
    const x = clamp(frame.fromX(event.clientX - box.left), ...frame.x);
    const y = clamp(frame.fromY(event.clientY - box.top), ...frame.y);
    const parts = [formatValue(x, "s", (frame.x[1] - frame.x[0]) / frame.width / 2)];
    if (this.yAxis?.unit) parts.push(formatValue(y, this.yAxis.unit));
    for (const layer of this.layers) parts.push(layer.describe?.(x, y, frame) ?? "");
    return { x, y, text: parts.filter(Boolean).join(", ") };
  }

  #listen() {
    const { widget, host, view } = this;
    const observer = new ResizeObserver(() => this.repaint());
    observer.observe(host);
    widget.cleanup(() => observer.disconnect());
    const themes = new MutationObserver(() => this.repaint());
    themes.observe(document.body, { attributes: true });
    widget.cleanup(() => themes.disconnect());
    widget.listen(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.repaint());
    widget.listen(window, "resize", () => this.repaint()); // also where only the device's pixels change
    widget.cleanup(view.onChange(() => this.repaint()));
    widget.cleanup(() => { cancelAnimationFrame(this.frameRequest); cancelAnimationFrame(this.overlayRequest); });
    const zoom = (axis, factor) => () => view.zoom(axis, factor);
    const pan = (axis, part) => () => view.pan(axis, part);
    const other = this.yAxis?.range || !this.yAxis ? () => () => {} : (run, ...given) => run("y", ...given);
    keys(host, {
      ArrowLeft: pan("x", -0.1), ArrowRight: pan("x", 0.1), PageUp: pan("x", -0.9), PageDown: pan("x", 0.9),
      ArrowUp: other(pan, 0.1), ArrowDown: other(pan, -0.1), "Shift+ArrowUp": other(zoom, 1.5), "Shift+ArrowDown": other(zoom, 1 / 1.5),
      "+": zoom("x", 1.5), "=": zoom("x", 1.5), "-": zoom("x", 1 / 1.5), Home: () => view.reset(),
    });
    host.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return; // a plain wheel scrolls the page
      event.preventDefault();
      const point = this.pointAt(event);
      const factor = Math.exp(-clamp(event.deltaY, -200, 200) / 300);
      if (event.shiftKey && this.yAxis && !this.yAxis.range) view.zoom("y", factor, point.y);
      else view.zoom("x", factor, point.x);
    }, { passive: false });
    this.#listenToPointer();
  }

  #listenToPointer() {
    const { host, view } = this;
    let grip = null; // where a drag began
    const hover = (point) => { this.readout.textContent = point?.text || "\u00a0"; this.onHover?.(point); };
    host.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.frame) return;
      host.setPointerCapture(event.pointerId);
      grip = { px: event.clientX, py: event.clientY, x: [...view.x], y: [...view.y], tool: this.tool, moved: false };
      grip.tool?.down?.(this.pointAt(event), event);
    });
    host.addEventListener("pointermove", (event) => {
      host.style.cursor = this.tool?.cursor ?? "crosshair";
      const point = this.pointAt(event);
      hover(point);
      if (!grip) return;
      if (grip.tool) return grip.tool.move?.(point, event);
      const dx = event.clientX - grip.px, dy = event.clientY - grip.py;
      grip.moved ||= Math.hypot(dx, dy) > 4;
      if (!grip.moved) return;
      const shift = (range, part, scale) => [0, 1].map((end) => valueAt(end + part, range, scale));
      view.set({
        x: shift(grip.x, -dx / this.frame.width, "linear"),
        y: this.yAxis && !this.yAxis.range ? shift(grip.y, dy / this.frame.height, view.scales.y) : null,
      });
    });
    host.addEventListener("pointerup", (event) => {
      const { tool, moved } = grip ?? {};
      if (grip && tool) tool.up?.(this.pointAt(event), event);
      else if (grip && !moved) this.onClick?.(this.pointAt(event));
      grip = null;
    });
    host.addEventListener("pointercancel", () => { grip?.tool?.cancel?.(); grip = null; });
    host.addEventListener("pointerleave", () => hover(null));
  }
}
