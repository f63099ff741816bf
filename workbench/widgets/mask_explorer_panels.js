// Pictures whose cells must not be joined by their greatest, a line of values at the pointer, and a player of one sound.

// Functions of their own with plain arrays, so that the browser compiles them well.
function sumRows(sums, data, rows, columns) {
  const wide = columns + 1;
  for (let row = 0; row < rows; row++) {
    let sum = 0, from = row * columns, to = (row + 1) * wide;
    for (const end = from + columns; from < end; from++) {
      sum += data[from];
      to++;
      sums[to] = sums[to - wide] + sum;
    }
  }
}

function joinLine(pixels, to, sums, wide, low, high, firsts, ends, left, right) {
  const below = low * wide, above = high * wide;
  for (let pixel = left; pixel < right; pixel++) {
    const first = firsts[pixel], end = ends[pixel];
    const sum = sums[above + end] - sums[below + end] - sums[above + first] + sums[below + first];
    pixels[to + pixel] = Math.round(sum / ((high - low) * (end - first)));
  }
}

// A LevelImage that joins the cells of a pixel by their mean (masks, differences) or shows the one in its middle (phases).
class JoinedImage extends LevelImage {
  constructor({ join, ...options }) {
    super(options);
    this.join = join; // "mean" or "middle"
  }

  // Which byte each screen pixel has: kept until the view or the size changes.
  makePixels(frame, width, height) {
    const { rows, columns } = this, { across, up } = this.findEdges(frame, width, height);
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
    const sums = this.join === "mean" ? this.sumCells() : null;
    for (let line = low; line < high; line++) {
      const to = (height - 1 - line) * width; // row 0 is at the bottom
      if (sums) joinLine(pixels, to, sums, columns + 1, lows[line], highs[line], firsts, ends, left, right);
      else for (let pixel = left; pixel < right; pixel++) pixels[to + pixel] = data[lows[line] * columns + firsts[pixel]];
    }
    Object.assign(this, { pixels, inside: { left, right, top: height - high, bottom: height - low } });
  }

  // The sum of all cells below and left of each corner, so that any rectangle's sum takes four of them.
  sumCells() {
    const { data, rows, columns } = this.levels[0][0];
    if (this.summed === data) return this.sums;
    const size = (rows + 1) * (columns + 1);
    if (this.sums?.length !== size) this.sums = new Float64Array(size); // its first row and column stay 0
    sumRows(this.sums, data, rows, columns);
    this.summed = data;
    return this.sums;
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
    Object.assign(this, { widget, onMove, context: null, source: null });
    widget.cleanup(() => { this.stop(); this.context?.close(); });
  }

  // In the handler of a click, where browsers allow sound.
  wake(sampleRate) {
    this.context ??= openContext(sampleRate);
    return this.context.resume();
  }

  async play(data, startSeconds, onEnd) {
    const buffer = await decodeSound(this.context, data);
    if (this.widget.isClosed) return;
    this.stop();
    const source = this.source = new AudioBufferSourceNode(this.context, { buffer });
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
