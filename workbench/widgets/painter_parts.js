// What a painter shows and plays beside its gain.

// The sound of a stretch before and after, both on one clock, of which one is heard.
class PaintSound {
  constructor(widget, { onStart, onMove, onEnd, sampleRate }) {
    Object.assign(this, { widget, onStart, onMove, onEnd, sampleRate, context: null, sound: null, count: 0, view: makeId(), isBefore: false, isLooped: false });
    widget.onMessage((content, buffers) => {
      if (content.request !== this.#request) return;
      if (content.failed) return this.stop(); // the message bar says why
      this.#start(content, buffers).catch((error) => { this.stop(); widget.fail(error); });
    });
    widget.cleanup(() => { this.stop(); this.context?.close(); });
  }

  get #request() { return `${this.view} ${this.count}`; }

  // In the handler of a click, where browsers allow sound.
  ask(fromSeconds) {
    this.context ??= openContext(this.sampleRate);
    this.context.resume();
    this.count += 1;
    this.widget.send({ ask: "play", request: this.#request, from: fromSeconds });
  }

  async #start({ start, stop, gain, request }, [before, after]) {
    const buffers = new Map([["before", await decodeSound(this.context, before)], ["after", await decodeSound(this.context, after)]]);
    if (this.widget.isClosed || request !== this.#request) return;
    this.stop();
    Object.assign(this, { sound: new StemSound(this.context, buffers, { boost: 1 / gain }), startSeconds: start });
    this.#balance();
    this.sound.play(0, this.isLooped ? [0, this.sound.duration] : null);
    this.onStart(start, stop);
    const follow = () => {
      if (!this.sound?.run) return;
      if (this.sound.isOver) return this.stop();
      this.onMove();
      requestAnimationFrame(follow);
    };
    follow();
  }

  #balance() { this.sound?.setGains(new Map([["before", this.isBefore ? 1 : 0], ["after", this.isBefore ? 0 : 1]]), 1); }
  setBefore(isBefore) { this.isBefore = isBefore; this.#balance(); }
  setLoop(isLooped) {
    this.isLooped = isLooped;
    if (this.sound?.run) this.sound.play(this.sound.position, isLooped ? [0, this.sound.duration] : null);
  }

  // Where in the song it is, or null.
  get seconds() { return this.sound?.run ? this.startSeconds + this.sound.position : null; }

  stop() {
    this.sound?.stop();
    this.sound = null;
    this.onMove();
    this.onEnd();
  }
}

// What lies over the picture and is no data: the brush, a rectangle's corners, the keyboard's cursor, the sound's place.
class PaintMarks {
  constructor(widget, plane) {
    Object.assign(this, { widget, plane, pointer: null, cursor: null, hasFocus: false, corner: null, seconds: () => null });
  }

  draw(context, frame) {
    const seconds = this.seconds();
    context.lineWidth = 2;
    if (seconds !== null) this.#line(context, frame.toX(seconds), frame.top, frame.toX(seconds), frame.top + frame.height);
    const at = this.pointer ?? (this.hasFocus ? this.cursor : null);
    const tool = this.widget.get("tool");
    if (this.corner && at) {
      const [x, y] = [frame.toX(this.corner.x), this.#toY(frame, this.corner.y)];
      this.#stroke(context, () => context.rect(x, y, frame.toX(at.x) - x, this.#toY(frame, at.y) - y));
    }
    if (at && tool !== "move" && tool !== "rectangle") this.#drawBrush(context, frame, at, tool);
    if (this.hasFocus && this.cursor && !this.pointer && tool !== "move") {
      const x = frame.toX(this.cursor.x), y = this.#toY(frame, this.cursor.y);
      this.#line(context, x - 10, y, x + 10, y);
      this.#line(context, x, y - 10, x, y + 10);
    }
  }

  #toY(frame, hertz) { return frame.toY(Math.max(hertz, frame.yScale === "log" ? 1 : 0)); }

  #drawBrush(context, frame, at, tool) {
    const { plane } = this, numLines = 1 + (tool === "harmonic" ? this.widget.get("overtones") : 0);
    const halfWidth = plane.halfWidth(this.widget.get("size_seconds"));
    for (let number = 1; number <= numLines; number++) {
      const height = plane.height(number * at.y), half = plane.halfHeight(this.widget.get("size_octaves"), number, height);
      if (2 ** (height - half) > frame.y[1]) break;
      this.#stroke(context, () => {
        for (let step = 0; step <= 48; step++) { // an ellipse in seconds and octaves, whatever the axis
          const angle = step * Math.PI / 24;
          context.lineTo(frame.toX(at.x + halfWidth * Math.cos(angle)), this.#toY(frame, 2 ** (height + half * Math.sin(angle))));
        }
      });
    }
  }

  // Dark under light, so that it is seen on every colour.
  #stroke(context, trace) {
    for (const [color, width] of [["rgba(0, 0, 0, 0.8)", 3], ["#ffffff", 1.2]]) {
      Object.assign(context, { strokeStyle: color, lineWidth: width });
      context.beginPath();
      trace();
      context.stroke();
    }
  }

  #line(context, x0, y0, x1, y1) { this.#stroke(context, () => { context.moveTo(x0, y0); context.lineTo(x1, y1); }); }
}
