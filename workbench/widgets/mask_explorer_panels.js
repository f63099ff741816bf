// Pictures whose cells must not be joined by their greatest, a line of values at the pointer, and a player of one sound.

// A LevelImage that joins the cells of a pixel by their mean (masks, differences) or shows the one in its middle (phases).
class JoinedImage extends LevelImage {
  constructor({ join, ...options }) {
    super(options);
    this.join = join; // "mean" or "middle"
  }

  draw(context, frame) {
    const width = Math.round(frame.width * frame.ratio), height = Math.round(frame.height * frame.ratio);
    const key = [width, height, ...frame.x, ...frame.y, frame.yScale].join();
    if (key !== this.pixelKey) this.joinCells(frame, width, height);
    if (key !== this.pixelKey || !this.table) {
      this.table ??= this.colourBytes();
      if (this.picture?.width !== width || this.picture.height !== height) this.picture = context.createImageData(width, height);
      const colored = new Uint32Array(this.picture.data.buffer).fill(0);
      paintPixels(colored, this.pixels, this.table, width, this.inside);
    }
    this.pixelKey = key;
    context.putImageData(this.picture, Math.round(frame.left * frame.ratio), Math.round(frame.top * frame.ratio));
  }

  colourBytes() {
    const [low, high] = this.values, [from, to] = this.shown;
    return Uint32Array.from({ length: 256 }, (_, byte) => {
      const index = 3 * clamp(Math.round(255 * (low + (high - low) * byte / 255 - from) / (to - from)), 0, 255);
      return 0xff000000 | (this.colours[index + 2] << 16) | (this.colours[index + 1] << 8) | this.colours[index];
    });
  }

  // Which byte each screen pixel has: kept until the view or the size changes.
  joinCells(frame, width, height) {
    const { rows, columns } = this;
    const edgesOf = (count, valueOf, { first, step }) =>
      Float64Array.from({ length: count + 1 }, (_, pixel) => (valueOf(pixel / count) - first) / step + 0.5);
    const across = edgesOf(width, (part) => valueAt(part, frame.x, "linear"), this.x);
    const up = edgesOf(height, (part) => valueAt(1 - part, frame.y, frame.yScale), this.y).reverse();
    const [left, right] = findCovered(across, columns), [low, high] = findCovered(up, rows);
    const rangesOf = (edges, count, from, to) => {
      const firsts = new Int32Array(edges.length), ends = new Int32Array(edges.length);
      for (let pixel = from; pixel < to; pixel++) {
        const [first, last] = cellsOf(edges, pixel, count);
        const middle = clamp(Math.floor((edges[pixel] + edges[pixel + 1]) / 2), 0, count - 1);
        firsts[pixel] = this.join === "mean" ? first : middle;
        ends[pixel] = this.join === "mean" ? last + 1 : middle + 1;
      }
      return [firsts, ends];
    };
    const [firsts, ends] = rangesOf(across, columns, left, right), [lows, highs] = rangesOf(up, rows, low, high);
    const pixels = new Uint8Array(width * height), data = this.levels[0][0].data;
    for (let line = low; line < high; line++) {
      const to = (height - 1 - line) * width; // row 0 is at the bottom
      if (this.join === "mean") this.joinLine(pixels, to, lows[line], highs[line], firsts, ends, left, right);
      else for (let pixel = left; pixel < right; pixel++) pixels[to + pixel] = data[lows[line] * columns + firsts[pixel]];
    }
    Object.assign(this, { pixels, inside: { left, right, top: height - high, bottom: height - low } });
  }

  joinLine(pixels, to, low, high, firsts, ends, left, right) {
    const sums = this.sumCells(), wide = this.columns + 1, below = low * wide, above = high * wide;
    for (let pixel = left; pixel < right; pixel++) {
      const first = firsts[pixel], end = ends[pixel];
      const sum = sums[above + end] - sums[below + end] - sums[above + first] + sums[below + first];
      pixels[to + pixel] = Math.round(sum / ((high - low) * (end - first)));
    }
  }

  // The sum of all cells below and left of each corner, so that any rectangle's sum takes four of them.
  sumCells() {
    const { data } = this.levels[0][0];
    if (this.summed === data) return this.sums;
    const wide = this.columns + 1, sums = new Float64Array((this.rows + 1) * wide);
    for (let row = 0; row < this.rows; row++) {
      let sum = 0;
      for (let column = 0; column < this.columns; column++) {
        sum += data[row * this.columns + column];
        sums[(row + 1) * wide + column + 1] = sums[row * wide + column + 1] + sum;
      }
    }
    Object.assign(this, { summed: data, sums });
    return sums;
  }
}

// "mixture −32 dB, mask 0.53, ..." of the cell at a point; beyond the ends of a range with a sign.
function describeCell(name, image, { x, y }) {
  const found = image.valueAt(x, y);
  if (!found) return "";
  if (image.unit === "rad" && found.isLowest) return `${name} –`; // too soft for a phase to be told
  const isLevel = image.unit === "dB", canBeBeyond = isLevel || image.values[1] > 1;
  const sign = found.isLowest && isLevel ? "≤ " : found.isHighest && canBeBeyond ? "≥ " : "";
  return `${name} ${sign}${formatValue(found.value, image.unit, isLevel ? 0.1 : 0.01)}`;
}

// One sound at a time, on a clock that is there from the first click; onMove() on each frame while it plays.
class OneSound {
  constructor(widget, onMove) {
    Object.assign(this, { onMove, context: null, source: null });
    widget.cleanup(() => { this.stop(); this.context?.close(); });
  }

  // In the handler of a click, where browsers allow sound.
  wake(sampleRate) {
    const everyBrowserHas = sampleRate >= 8000 && sampleRate <= 96000; // at another rate it is resampled
    this.context ??= new AudioContext(everyBrowserHas ? { sampleRate } : {});
    return this.context.resume();
  }

  async play(data, startSeconds, onEnd) {
    const buffer = await this.context.decodeAudioData(asBytes(data).slice().buffer);
    this.stop();
    const source = this.source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.addEventListener("ended", () => { if (this.source === source) { this.source = null; this.onMove(); onEnd(); } });
    source.start();
    Object.assign(this, { startSeconds, startedAt: this.context.currentTime });
    const follow = () => { if (this.source === source) { this.onMove(); requestAnimationFrame(follow); } };
    follow();
  }

  // Where in the song it is, or null.
  get seconds() { return this.source ? this.startSeconds + this.context.currentTime - this.startedAt : null; }

  stop() {
    const source = this.source;
    this.source = null;
    source?.stop();
    this.onMove();
  }
}
