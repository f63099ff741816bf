// The gain that is painted, as bytes, and the strokes' arithmetic of workbench/widgets/strokes.py once more, so that a
// stroke is seen while it is drawn. Python's own result takes its place when the stroke is done.
const STROKE_EDGE = 1e-9; // what lies on the edge itself is inside
const VEIL_COLOUR = [24, 100, 104];
const COVER_FULL = 65535; // of the live stroke's weights

function fadeWeight(distance, softness) {
  const inner = 1 - softness;
  if (distance <= inner + STROKE_EDGE) return 1;
  const part = (distance - inner) / Math.max(softness, STROKE_EDGE);
  return part >= 1 ? 0 : 0.5 + 0.5 * Math.cos(Math.PI * part);
}

// Cells of the picture: row r is at r * rowStride * stepHertz, column c at c * columnStride * stepSeconds.
class PaintPlane {
  constructor({ rows, columns, row_stride, column_stride, step_hertz, step_seconds }) {
    Object.assign(this, { rows, columns, stepHertz: step_hertz, stepSeconds: step_seconds });
    this.rowHertz = row_stride * step_hertz;
    this.columnSeconds = column_stride * step_seconds;
    this.heights = Float64Array.from({ length: rows }, (_, row) => Math.log2(Math.max(row * row_stride, 0.5) * step_hertz));
  }

  height(hertz) { return Math.log2(Math.max(hertz, this.stepHertz / 2)); }
  halfHeight(octaves, number, lowest) { return Math.max(octaves / (2 * number), Math.log2(1 + this.stepHertz / 2 ** lowest)); }
  halfWidth(seconds) { return Math.max(seconds / 2, this.stepSeconds); }

  rowsBetween(low, high) {
    return [Math.max(0, Math.floor(2 ** low / this.rowHertz) - 1), Math.min(this.rows, Math.ceil(2 ** high / this.rowHertz) + 2)];
  }

  columnsBetween(start, stop) {
    return [Math.max(0, Math.floor(start / this.columnSeconds) - 1), Math.min(this.columns, Math.ceil(stop / this.columnSeconds) + 2)];
  }

  // visit(cell, weight) for all cells of a rectangle.
  coverRectangle({ points: [[start, low], [stop, high]], softness }, visit) {
    const ends = [this.height(low), this.height(high)], bottom = Math.min(...ends), top = Math.max(...ends);
    const halfWidth = Math.max(Math.abs(stop - start) / 2, this.stepSeconds / 2);
    const halfHeight = Math.max((top - bottom) / 2, Math.log2(1 + this.stepHertz / 2 ** bottom) / 2);
    const middle = (start + stop) / 2, center = (bottom + top) / 2;
    const [firstRow, stopRow] = this.rowsBetween(center - halfHeight, center + halfHeight);
    const [firstColumn, stopColumn] = this.columnsBetween(middle - halfWidth, middle + halfWidth);
    for (let row = firstRow; row < stopRow; row++) {
      const up = fadeWeight(Math.abs(this.heights[row] - center) / halfHeight, softness);
      if (up === 0) continue;
      for (let column = firstColumn; column < stopColumn; column++) {
        const across = fadeWeight(Math.abs(column * this.columnSeconds - middle) / halfWidth, softness);
        if (across > 0) visit(row * this.columns + column, up * across);
      }
    }
    return { firstRow, stopRow, firstColumn, stopColumn };
  }

  // Likewise around a line from one point to another, and around those of its overtones.
  coverLine(stroke, [x0, f0], [x1, f1], visit) {
    const halfWidth = this.halfWidth(stroke.size_seconds);
    const numLines = 1 + (stroke.tool === "harmonic" ? stroke.overtones : 0);
    const [firstColumn, stopColumn] = this.columnsBetween(Math.min(x0, x1) - halfWidth, Math.max(x0, x1) + halfWidth);
    const box = { firstRow: this.rows, stopRow: 0, firstColumn, stopColumn };
    for (let number = 1; number <= numLines; number++) {
      const y0 = this.height(number * f0), y1 = this.height(number * f1), lowest = Math.min(y0, y1);
      const halfHeight = this.halfHeight(stroke.size_octaves, number, lowest);
      const [firstRow, stopRow] = this.rowsBetween(lowest - halfHeight, Math.max(y0, y1) + halfHeight);
      if (firstRow >= stopRow) continue;
      box.firstRow = Math.min(box.firstRow, firstRow);
      box.stopRow = Math.max(box.stopRow, stopRow);
      const startX = x0 / halfWidth, startY = y0 / halfHeight, dx = x1 / halfWidth - startX, dy = y1 / halfHeight - startY;
      const length = dx * dx + dy * dy;
      for (let row = firstRow; row < stopRow; row++) {
        const y = this.heights[row] / halfHeight - startY;
        for (let column = firstColumn; column < stopColumn; column++) {
          const x = column * this.columnSeconds / halfWidth - startX;
          const along = length === 0 ? 0 : clamp((x * dx + y * dy) / length, 0, 1);
          const distance = Math.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2);
          if (distance > 1 + STROKE_EDGE) continue;
          const weight = fadeWeight(distance, stroke.softness);
          if (weight > 0) visit(row * this.columns + column, weight);
        }
      }
    }
    return box;
  }
}

// The veil of a line of pixels, of the mean of nine cells each. A function of its own with plain arrays, and no branches
// inside, so that the browser compiles it well.
function veilLine(colored, to, table, shown, low, middle, high, across, left, right) {
  for (let pixel = left, place = 3 * left; pixel < right; pixel++, place += 3) {
    const a = across[place], b = across[place + 1], c = across[place + 2];
    colored[to + pixel] = table[shown[low + a] + shown[low + b] + shown[low + c] + shown[middle + a] + shown[middle + b]
      + shown[middle + c] + shown[high + a] + shown[high + b] + shown[high + c]];
  }
}

// An overlay that veils the spectrogram where the gain is small.
class GainLayer {
  constructor(plane, onChange) {
    Object.assign(this, { plane, onChange, live: null, cover: null, start: 255, opacity: 0.8 });
    this.base = new Uint8Array(plane.rows * plane.columns).fill(255); // without the live stroke
    this.shown = this.base.slice();
    this.canvas = document.createElement("canvas");
    this.setOpacity(this.opacity);
  }

  setOpacity(opacity) {
    this.opacity = opacity;
    const [red, green, blue] = VEIL_COLOUR;
    this.table = Uint32Array.from({ length: 9 * 255 + 1 }, (_, sum) => // of nine cells
      (Math.round(255 * opacity * (1 - Math.round(sum / 9) / 255)) << 24 | blue << 16 | green << 8 | red) >>> 0);
    this.key = null;
    this.onChange();
  }

  // From Python: everything, with what the eraser brings back (a byte, or bytes).
  setAll(bytes, start) {
    this.base = bytes.slice();
    this.start = start;
    this.shown.set(this.base);
    if (this.live) this.#showCells({ firstRow: 0, stopRow: this.plane.rows, firstColumn: 0, stopColumn: this.plane.columns });
    this.key = null;
    this.onChange();
  }

  // Likewise a part: [first row, stop, first column, stop].
  setPart([firstRow, stopRow, firstColumn, stopColumn], bytes) {
    const wide = stopColumn - firstColumn;
    for (let row = firstRow; row < stopRow; row++) {
      this.base.set(bytes.subarray((row - firstRow) * wide, (row - firstRow + 1) * wide), row * this.plane.columns + firstColumn);
    }
    this.#showCells({ firstRow, stopRow, firstColumn, stopColumn });
  }

  begin(stroke) {
    this.cover ??= new Uint16Array(this.base.length);
    this.live = { stroke, box: null };
    if (stroke.points.length) this.extend(stroke.points[0], stroke.points[0]);
  }

  extend(from, to) {
    const { stroke } = this.live, { cover } = this;
    const visit = (cell, weight) => { cover[cell] = Math.max(cover[cell], Math.round(COVER_FULL * weight)); };
    this.#touch(this.plane.coverLine(stroke, from, to, visit));
  }

  // A whole stroke at once.
  lay(stroke) {
    const { cover } = Object.assign(this, { cover: this.cover ?? new Uint16Array(this.base.length), live: { stroke, box: null } });
    const visit = (cell, weight) => { cover[cell] = Math.max(cover[cell], Math.round(COVER_FULL * weight)); };
    const { points, tool } = stroke;
    if (tool === "rectangle") this.#touch(this.plane.coverRectangle(stroke, visit));
    else points.forEach((point, index) => { if (index || points.length === 1) this.#touch(this.plane.coverLine(stroke, points[Math.max(0, index - 1)], point, visit)); });
    this.end(true);
  }

  // The live stroke becomes part of the gain, or is taken away.
  end(isKept) {
    const { box } = this.live;
    if (box) {
      for (let row = box.firstRow; row < box.stopRow; row++) {
        const from = row * this.plane.columns + box.firstColumn, to = row * this.plane.columns + box.stopColumn;
        if (isKept) this.base.set(this.shown.subarray(from, to), from);
        else this.shown.set(this.base.subarray(from, to), from);
        this.cover.fill(0, from, to);
      }
    }
    this.live = null;
    if (box && !isKept) this.#paintPart(box);
  }

  #touch(box) {
    if (box.firstRow >= box.stopRow || box.firstColumn >= box.stopColumn) return;
    const old = this.live.box ?? box;
    this.live.box = {
      firstRow: Math.min(old.firstRow, box.firstRow), stopRow: Math.max(old.stopRow, box.stopRow),
      firstColumn: Math.min(old.firstColumn, box.firstColumn), stopColumn: Math.max(old.stopColumn, box.stopColumn),
    };
    this.#showCells(box);
  }

  // What the cells of a box show: their gain under the live stroke.
  #showCells(box) {
    const { base, shown, cover, start } = this, live = this.live?.stroke;
    const erases = live?.tool === "eraser", painted = live ? 255 * live.gain : 0, isBytes = typeof start !== "number";
    for (let row = box.firstRow; row < box.stopRow; row++) {
      for (let cell = row * this.plane.columns + box.firstColumn, end = row * this.plane.columns + box.stopColumn; cell < end; cell++) {
        const weight = live ? cover[cell] : 0;
        if (weight === 0) { shown[cell] = base[cell]; continue; }
        const target = erases ? (isBytes ? start[cell] : start) : painted;
        shown[cell] = Math.round(base[cell] + (target - base[cell]) * (weight / COVER_FULL));
      }
    }
    this.#paintPart(box);
  }

  // Which cells a pixel shows the mean of: three each way, the same one thrice where cells are wider than pixels.
  #chooseCells(count, edgeOf, step, most) {
    const pick = new Int32Array(3 * count);
    for (let pixel = 0; pixel < count; pixel++) {
      const low = edgeOf(pixel) / step, high = edgeOf(pixel + 1) / step;
      for (let part = 0; part < 3; part++) {
        const place = (high - low <= 1 ? (low + high) / 2 : low + (part + 0.5) * (high - low) / 3) + 0.5;
        pick[3 * pixel + part] = clamp(Math.floor(place), 0, most - 1);
      }
    }
    return pick;
  }

  draw(context, frame) {
    const width = Math.round(frame.width * frame.ratio), height = Math.round(frame.height * frame.ratio);
    const key = [width, height, ...frame.x, ...frame.y, frame.yScale].join();
    if (key !== this.key) {
      if (this.picture?.width !== width || this.picture.height !== height) {
        Object.assign(this.canvas, { width, height });
        this.context = this.canvas.getContext("2d");
        this.picture = this.context.createImageData(width, height);
      }
      this.across = this.#chooseCells(width, (pixel) => valueAt(pixel / width, frame.x, "linear"), this.plane.columnSeconds, this.plane.columns);
      const hertz = (pixel) => valueAt(1 - pixel / height, frame.y, frame.yScale);
      this.up = this.#chooseCells(height, (pixel) => hertz(height - pixel), this.plane.rowHertz, this.plane.rows);
      Object.assign(this, { key, frame });
      this.#paintPixels(0, width, 0, height);
    }
    context.drawImage(this.canvas, frame.left, frame.top, frame.width, frame.height);
  }

  // The pixels of a box of cells, if anything is drawn at all yet.
  #paintPart({ firstRow, stopRow, firstColumn, stopColumn }) {
    if (this.key === null || !this.frame) return this.onChange();
    const { frame, canvas: { width, height } } = this;
    const across = (column) => width * placeIn((column - 0.5) * this.plane.columnSeconds, frame.x, "linear");
    const up = (row) => height * (1 - placeIn(Math.max((row - 0.5) * this.plane.rowHertz, 1e-9), frame.y, frame.yScale));
    const pixel = (value, most) => clamp(Math.round(value), 0, most);
    this.#paintPixels(
      pixel(Math.floor(across(firstColumn)) - 1, width), pixel(Math.ceil(across(stopColumn)) + 1, width),
      pixel(Math.floor(up(stopRow)) - 1, height), pixel(Math.ceil(up(firstRow)) + 1, height));
    this.onChange();
  }

  #paintPixels(left, right, top, bottom) {
    if (left >= right || top >= bottom) return;
    const { shown, across, up, table, plane: { columns }, canvas: { width, height } } = this;
    const colored = new Uint32Array(this.picture.data.buffer);
    let before = "";
    for (let line = top; line < bottom; line++) {
      const at = 3 * (height - 1 - line), rows = up.subarray(at, at + 3), key = rows.join(), to = line * width; // `up` begins at the bottom
      if (key === before) colored.copyWithin(to + left, to - width + left, to - width + right);
      else veilLine(colored, to, table, shown, rows[0] * columns, rows[1] * columns, rows[2] * columns, across, left, right);
      before = key;
    }
    this.context.putImageData(this.picture, 0, 0, left, top, right - left, bottom - top);
  }

  gainAt(x, y) {
    const column = Math.round(x / this.plane.columnSeconds), row = Math.round(y / this.plane.rowHertz);
    if (column < 0 || column >= this.plane.columns || row < 0 || row >= this.plane.rows) return null;
    return this.shown[row * this.plane.columns + column] / 255;
  }
}
