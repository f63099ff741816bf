// Waveforms below one another, from least and greatest samples of blocks (`encode_peaks`).
// lanes: [{ name, color, data: Int16Array of (low, high) pairs, dimmed }]; color null is the text's.
// start and step in seconds: of the first block, and from one block to the next.
class Lanes {
  constructor({ lanes, step, start = 0 }) {
    this.handlers = new Set();
    this.setLanes({ lanes, step, start });
  }

  onChange(run) { this.handlers.add(run); }
  changed() { for (const run of this.handlers) run(); } // after a lane's color or dimmed was set

  setLanes({ lanes, step = this.step, start = this.start }) {
    Object.assign(this, { lanes, step, start });
    this.pyramids = lanes.map((lane) => [lane.data]);
    this.changed();
  }

  #level(index, depth) {
    const pyramid = this.pyramids[index];
    while (pyramid.length <= depth) {
      const data = pyramid.at(-1), blocks = data.length / 2, half = Math.ceil(blocks / 2);
      const next = new Int16Array(2 * half);
      for (let block = 0; block < half; block++) {
        const a = 4 * block, b = 2 * block + 1 < blocks ? a + 2 : a;
        next[2 * block] = Math.min(data[a], data[b]);
        next[2 * block + 1] = Math.max(data[a + 1], data[b + 1]);
      }
      pyramid.push(next);
    }
    return pyramid[depth];
  }

  draw(context, frame) {
    const laneHeight = frame.height / Math.max(1, this.lanes.length);
    const reach = this.lanes.length > 1 ? 0.46 * laneHeight : 0.5 * laneHeight; // a lone lane fits an amplitude axis
    this.lanes.forEach((lane, index) => {
      const middle = frame.top + (index + 0.5) * laneHeight;
      context.strokeStyle = frame.colors.grid;
      drawLine(context, frame.left, middle, frame.left + frame.width, middle);
      context.globalAlpha = lane.dimmed ? 0.3 : 1;
      context.fillStyle = lane.color ?? frame.colors.text;
      this.#drawWave(context, frame, index, middle, reach);
      context.globalAlpha = 1;
      if (!lane.name) return;
      context.font = frame.font;
      context.textAlign = "left";
      context.textBaseline = "top";
      const top = frame.top + index * laneHeight + 3, wide = context.measureText(lane.name).width;
      context.fillStyle = frame.colors.background;
      context.fillRect(frame.left + 4, top - 1, wide + 6, 16);
      context.fillStyle = frame.colors.text;
      context.fillText(lane.name, frame.left + 7, top + 1);
    });
  }

  // One shape: along the greatest values, and back along the least ones.
  #drawWave(context, frame, index, middle, reach) {
    const width = Math.max(1, Math.round(frame.width * frame.ratio));
    const perPixel = (frame.x[1] - frame.x[0]) / this.step / width;
    const depth = Math.max(0, chooseDepth(perPixel, this.lanes[index].data.length / 2) - 1); // one or two blocks a pixel
    const data = this.#level(index, depth);
    const shrink = 2 ** depth, blocks = data.length / 2;
    const lows = [];
    let isOpen = false;
    context.beginPath();
    for (let pixel = 0; pixel < width; pixel++) {
      const time = valueAt(pixel / width, frame.x, "linear");
      const place = (time - this.start) / this.step / shrink;
      const first = Math.floor(place), last = Math.max(first + 1, Math.floor(place + perPixel / shrink));
      if (last <= 0 || first >= blocks) continue;
      let low = Infinity, high = -Infinity;
      for (let block = Math.max(0, first); block < Math.min(blocks, last); block++) {
        low = Math.min(low, data[2 * block]);
        high = Math.max(high, data[2 * block + 1]);
      }
      const x = frame.left + pixel / frame.ratio, above = middle - reach * high / 32767 - 0.4, below = middle - reach * low / 32767 + 0.4;
      if (isOpen) context.lineTo(x, above);
      else context.moveTo(x, above);
      context.lineTo(x + 1 / frame.ratio, above);
      isOpen = true;
      lows.push([x, below]);
    }
    for (const [x, below] of lows.reverse()) { context.lineTo(x + 1 / frame.ratio, below); context.lineTo(x, below); }
    context.closePath();
    context.fill();
  }

  // Which lane lies at a height, 0 at the top.
  laneAt(y, frame) {
    const part = 1 - placeIn(y, frame.y, frame.yScale);
    return clamp(Math.floor(part * this.lanes.length), 0, this.lanes.length - 1);
  }

  describe(x, y, frame) { return this.lanes[this.laneAt(y, frame)]?.name ?? ""; }
}
