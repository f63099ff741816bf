// Spectrograms and masks: pictures of one byte a cell.

// How often cells are joined in pairs until no more than one falls on a pixel.
const chooseDepth = (perPixel, cells) => clamp(Math.ceil(Math.log2(perPixel) - 1e-9), 0, Math.ceil(Math.log2(Math.max(1, cells))));

// First and last of the cells that a pixel covers; neighbours share none where pixels are wider than cells.
function cellsOf(edges, pixel, count) {
  const first = Math.floor(edges[pixel]), last = Math.max(first, Math.floor(edges[pixel + 1]) - 1);
  return [clamp(first, 0, count - 1), clamp(last, 0, count - 1)];
}

// From which to which pixel there are cells at all.
function findCovered(edges, count) {
  let first = 0, last = edges.length - 1;
  while (first < last && edges[first + 1] <= 0) first++;
  while (last > first && edges[last - 1] >= count) last--;
  return [first, last];
}

function poolColumns(data, rows, columns) {
  const half = Math.ceil(columns / 2), pooled = new Uint8Array(rows * half);
  for (let row = 0; row < rows; row++) {
    const from = row * columns, last = from + columns - 1, to = row * half;
    for (let column = 0; column < half; column++) {
      const place = from + 2 * column;
      pooled[to + column] = Math.max(data[place], data[Math.min(place + 1, last)]);
    }
  }
  return { data: pooled, rows, columns: half };
}

function poolRows(data, rows, columns) {
  const half = Math.ceil(rows / 2), pooled = new Uint8Array(half * columns);
  for (let row = 0; row < half; row++) {
    const low = 2 * row * columns, high = Math.min(2 * row + 1, rows - 1) * columns, to = row * columns;
    for (let column = 0; column < columns; column++) pooled[to + column] = Math.max(data[low + column], data[high + column]);
  }
  return { data: pooled, rows: half, columns };
}

// A function of its own with plain arrays, and no branches inside, so that the browser compiles it well.
function poolLine(pixels, to, data, low, high, firsts, lasts, left, right) {
  for (let pixel = left; pixel < right; pixel++) {
    const first = firsts[pixel], last = lasts[pixel];
    pixels[to + pixel] = Math.max(
      Math.max(data[low + first], data[low + last]), Math.max(data[high + first], data[high + last]));
  }
}

function paintPixels(colored, pixels, table, width, { left, right, top, bottom }) {
  for (let line = top; line < bottom; line++) {
    for (let place = line * width + left, end = line * width + right; place < end; place++) colored[place] = table[pixels[place]];
  }
}

// A picture of one byte a cell, (row, column), row 0 at the bottom, in colours and a range that can change at once.
// x, y: { first, step }: the middle of the first column or row, and the way from one to the next.
// values: [low, high] that the bytes 0 and 255 stand for; shown: the part of it that the colours are spread over.
class LevelImage {
  constructor({ data, rows, columns, x, y, values, shown = values, colours, unit = "dB", label = "level" }) {
    this.handlers = new Set();
    Object.assign(this, { unit, label, colours, shown });
    this.setData({ data, rows, columns, x, y, values });
  }

  onChange(run) { this.handlers.add(run); }
  #changed() { this.table = null; for (const run of this.handlers) run(); }

  setData({ data, rows, columns, x = this.x, y = this.y, values = this.values }) {
    Object.assign(this, { rows, columns, x, y, values });
    this.levels = [[{ data, rows, columns }]]; // [across][up]
    this.pixelKey = null;
    this.#changed();
  }

  setShown(low, high) { this.shown = [low, Math.max(high, low + 1e-6)]; this.#changed(); }
  setColours(colours) { this.colours = colours; this.#changed(); } // 768 bytes

  // Cells joined 2 ** across in time and 2 ** up in frequency, made from the next finer ones when first asked for.
  #level(across, up) {
    const made = (this.levels[across] ??= []);
    if (made[up]) return made[up];
    if (up > 0) {
      const { data, rows, columns } = this.#level(across, up - 1);
      made[up] = poolRows(data, rows, columns);
    } else {
      const { data, rows, columns } = this.#level(across - 1, 0);
      made[up] = poolColumns(data, rows, columns);
    }
    return made[up];
  }

  // Part of `shown`, 0 to 1, -> CSS colour.
  colorAt(part) {
    const index = 3 * clamp(Math.round(255 * part), 0, 255);
    return `rgb(${this.colours[index]} ${this.colours[index + 1]} ${this.colours[index + 2]})`;
  }

  #makeTable() {
    const [low, high] = this.values, [from, to] = this.shown;
    this.table = new Uint32Array(256);
    for (let byte = 0; byte < 256; byte++) {
      const value = low + (high - low) * byte / 255;
      const index = 3 * clamp(Math.round(255 * (value - from) / (to - from)), 0, 255);
      this.table[byte] = 0xff000000 | (this.colours[index + 2] << 16) | (this.colours[index + 1] << 8) | this.colours[index];
    }
  }

  // Where the edges of screen pixels lie, in cells: from the left, and from the bottom.
  findEdges(frame, width, height) {
    const edgesOf = (count, valueOf, { first, step }) =>
      Float64Array.from({ length: count + 1 }, (_, pixel) => (valueOf(pixel / count) - first) / step + 0.5);
    return {
      across: edgesOf(width, (part) => valueAt(part, frame.x, "linear"), this.x),
      up: edgesOf(height, (part) => valueAt(1 - part, frame.y, frame.yScale), this.y).reverse(),
    };
  }

  // The greatest byte of each screen pixel: kept until the view or the size changes. Cells are joined beforehand so far
  // that a pixel touches at most two of them each way, which are all that is read.
  makePixels(frame, width, height) {
    const { across, up } = this.findEdges(frame, width, height);
    const depth = chooseDepth((across[width] - across[0]) / width, this.columns);
    const [left, right] = findCovered(across, this.columns), [low, high] = findCovered(up, this.rows);
    const firsts = new Int32Array(width), lasts = new Int32Array(width);
    for (let pixel = left; pixel < right; pixel++) {
      [firsts[pixel], lasts[pixel]] = cellsOf(across, pixel, this.columns).map((cell) => cell >> depth);
    }
    const pixels = new Uint8Array(width * height);
    let before = "";
    for (let line = low; line < high; line++) {
      const [first, last] = cellsOf(up, line, this.rows), lineDepth = chooseDepth(last - first + 1, this.rows);
      const to = (height - 1 - line) * width, key = `${first} ${last}`;
      if (key === before) pixels.copyWithin(to, to + width, to + 2 * width); // row 0 is at the bottom
      else {
        const { data, columns } = this.#level(depth, lineDepth);
        poolLine(pixels, to, data, (first >> lineDepth) * columns, (last >> lineDepth) * columns, firsts, lasts, left, right);
      }
      before = key;
    }
    Object.assign(this, { pixels, inside: { left, right, top: height - high, bottom: height - low } });
  }

  draw(context, frame) {
    const width = Math.round(frame.width * frame.ratio), height = Math.round(frame.height * frame.ratio);
    const key = [width, height, ...frame.x, ...frame.y, frame.yScale].join();
    if (key !== this.pixelKey) this.makePixels(frame, width, height);
    if (key !== this.pixelKey || !this.table) {
      if (!this.table) this.#makeTable();
      if (this.picture?.width !== width || this.picture.height !== height) this.picture = context.createImageData(width, height);
      const colored = new Uint32Array(this.picture.data.buffer).fill(0);
      paintPixels(colored, this.pixels, this.table, width, this.inside);
    }
    this.pixelKey = key;
    context.putImageData(this.picture, Math.round(frame.left * frame.ratio), Math.round(frame.top * frame.ratio));
  }

  // The value of the cell at a place, or null beside the data; at the ends of the range it may be beyond.
  valueAt(x, y) {
    const column = Math.floor((x - this.x.first) / this.x.step + 0.5), row = Math.floor((y - this.y.first) / this.y.step + 0.5);
    if (column < 0 || column >= this.columns || row < 0 || row >= this.rows) return null;
    const byte = this.levels[0][0].data[row * this.columns + column], [low, high] = this.values;
    return { value: low + (high - low) * byte / 255, isLowest: byte === 0, isHighest: byte === 255 };
  }

  describe(x, y) {
    const found = this.valueAt(x, y);
    if (!found) return "";
    const sign = found.isLowest && this.unit === "dB" ? "≤ " : "";
    return sign + formatValue(Number(found.value.toPrecision(3)), this.unit);
  }
}
