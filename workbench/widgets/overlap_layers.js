// Layers for pictures of chunks and windows. All of them read `now()`: the grid in samples, and what belongs to it.

const OVERLAP_COLORS = { other: "#D55E00", good: "#009E73", mistake: "#CC79A7" };
const asFloat32 = (data) => new Float32Array(asBytes(data).slice().buffer);

// Chunks that reach into a range of samples: [first, last], last < first for none.
function findChunks({ start, hop_size, chunk_size, num_chunks }, from, to) {
  return [Math.max(0, Math.ceil((from - start - chunk_size + 1) / hop_size)), Math.min(num_chunks - 1, Math.floor((to - start) / hop_size))];
}

const hatchPatterns = new Map();
function hatch(context, color) {
  if (!hatchPatterns.has(color)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.strokeStyle = color;
    for (const shift of [-8, 0, 8]) drawLine(pen, shift, 8, shift + 8, 0);
    hatchPatterns.set(color, tile);
  }
  return context.createPattern(hatchPatterns.get(color), "repeat");
}

// The padding on both sides, grey, and the zeros that fill the last chunk, hatched; named where there is room.
const makeShading = (now, { names = () => ["padding", "zeros"] } = {}) => ({
  draw(context, frame) {
    const grid = now();
    if (!grid) return;
    const rate = grid.sample_rate, padding = grid.chunk_size - grid.hop_size, stop = grid.start + grid.padded_length;
    const paddingEnd = Math.min(grid.num_samples + padding, stop);
    const [paddingName, zerosName] = names();
    const parts = [
      [-padding, 0, "grey", paddingName], [grid.num_samples, paddingEnd, "grey", paddingName], [paddingEnd, stop, "hatch", zerosName],
    ];
    context.font = frame.font;
    context.textBaseline = "bottom";
    context.textAlign = "center";
    for (const [first, last, kind, name] of parts) {
      if (last <= first) continue;
      const left = Math.max(frame.left, frame.toX(first / rate)), right = Math.min(frame.left + frame.width, frame.toX(last / rate));
      if (right <= left) continue;
      context.fillStyle = kind === "grey" ? frame.colors.grid : hatch(context, frame.colors.line);
      context.globalAlpha = kind === "grey" ? 0.55 : 0.6;
      context.fillRect(left, frame.top, right - left, frame.height);
      context.globalAlpha = 1;
      const words = [name, name.replace(/ \(.*|^final /, "")].find((text) => context.measureText(text).width + 6 <= right - left);
      if (!words) continue;
      const wide = context.measureText(words).width;
      context.fillStyle = frame.colors.background;
      context.fillRect((left + right - wide) / 2 - 3, frame.top + frame.height - 18, wide + 6, 16);
      context.fillStyle = frame.colors.text;
      context.fillText(words, (left + right) / 2, frame.top + frame.height - 3);
    }
    context.strokeStyle = frame.colors.line;
    for (const edge of [0, grid.num_samples]) drawLine(context, frame.toX(edge / rate), frame.top, frame.toX(edge / rate), frame.top + frame.height);
  },
  describe(x) {
    const grid = now();
    if (!grid) return "";
    const sample = Math.floor(x * grid.sample_rate + 1e-6), padding = grid.chunk_size - grid.hop_size;
    const [paddingName, zerosName] = names();
    const place = sample < 0 || (sample >= grid.num_samples && sample < grid.num_samples + padding) ? paddingName
      : sample >= grid.num_samples ? zerosName : "";
    return [`sample ${String(sample).replace("-", "−")}`, place].filter(Boolean).join(", ");
  },
});

// Values of (low, high) pairs along a line of samples; `pick(first, last)` gives them for some samples, or null.
function drawRanges(context, frame, rate, pick, { from = -Infinity, to = Infinity } = {}) {
  const width = Math.max(1, Math.round(frame.width * frame.ratio)), per = (frame.x[1] - frame.x[0]) / width * rate;
  let isOpen = false, height = 0;
  context.beginPath();
  for (let pixel = 0; pixel < width; pixel++) {
    const first = Math.floor(frame.x[0] * rate + pixel * per + 1e-6), last = Math.max(first, Math.ceil(frame.x[0] * rate + (pixel + 1) * per) - 1);
    if (last < from || first >= to) { isOpen = false; continue; }
    const pair = pick(Math.max(first, from), Math.min(last, to - 1));
    if (!pair) { isOpen = false; continue; }
    const x = frame.left + (pixel + 0.5) / frame.ratio, ends = [frame.toY(pair[1]), frame.toY(pair[0])];
    if (isOpen && Math.abs(ends[1] - height) < Math.abs(ends[0] - height)) ends.reverse(); // on from where the line is
    if (isOpen) context.lineTo(x, ends[0]);
    else context.moveTo(x, ends[0]);
    if (ends[0] !== ends[1]) context.lineTo(x, ends[1]);
    height = ends[1];
    isOpen = true;
  }
  context.stroke();
}

// What repeats with the hop: pairs over one hop that begins with a chunk.
function pickPeriodic(pairs, grid) {
  const columns = pairs.length / 2, per = Math.ceil(grid.hop_size / columns);
  let low = Infinity, high = -Infinity;
  for (let column = 0; column < columns; column++) { low = Math.min(low, pairs[2 * column]); high = Math.max(high, pairs[2 * column + 1]); }
  const whole = [low, high];
  return (first, last) => {
    if (last - first + 1 >= grid.hop_size) return whole;
    const place = (((first - grid.start) % grid.hop_size) + grid.hop_size) % grid.hop_size;
    let least = Infinity, most = -Infinity;
    for (let offset = 0; offset <= last - first;) {
      const sample = (place + offset) % grid.hop_size, column = Math.min(columns - 1, Math.floor(sample / per));
      least = Math.min(least, pairs[2 * column]);
      most = Math.max(most, pairs[2 * column + 1]);
      offset += Math.max(1, Math.min((column + 1) * per, grid.hop_size) - sample);
    }
    return [least, most];
  };
}

// Pairs over the song itself, evenly.
function pickAlong(pairs, grid) {
  const columns = pairs.length / 2, per = Math.ceil(grid.num_samples / columns);
  return (first, last) => {
    let least = Infinity, most = -Infinity;
    for (let column = Math.floor(first / per); column <= Math.min(columns - 1, Math.floor(last / per)); column++) {
      least = Math.min(least, pairs[2 * column]);
      most = Math.max(most, pairs[2 * column + 1]);
    }
    return least <= most ? [least, most] : null;
  };
}

const windowAt = (points, grid, offset) =>
  points[Math.round(offset * (points.length - 1) / Math.max(1, grid.chunk_size - 1))];

// The sum of the windows of chunks 0 to `last` at one sample.
function sumSoFar(points, grid, sample, last) {
  const [from, to] = findChunks(grid, sample, sample);
  let sum = 0;
  for (let chunk = from; chunk <= Math.min(to, last); chunk++) sum += windowAt(points, grid, sample - grid.start - chunk * grid.hop_size);
  return sum;
}

// The windows over one another, their whole sum, and the sum of the chunks so far.
const makeStack = (now, lastAdded) => ({
  draw(context, frame) {
    const grid = now();
    if (!grid) return;
    const rate = grid.sample_rate, points = grid.points, last = lastAdded();
    const [from, to] = findChunks(grid, Math.floor(frame.x[0] * rate), Math.ceil(frame.x[1] * rate));
    const steps = clamp(Math.round((frame.toX(grid.chunk_size / rate) - frame.toX(0)) / 2), 8, 400);
    const zero = frame.toY(0), one = getComputedStyle(context.canvas).getPropertyValue("--wb-overlap-one").trim();
    for (let chunk = from; chunk <= to; chunk++) {
      const start = grid.start + chunk * grid.hop_size;
      context.beginPath();
      context.moveTo(frame.toX(start / rate), zero);
      for (let step = 0; step <= steps; step++) {
        const offset = step * Math.max(0, grid.chunk_size - 1) / steps;
        context.lineTo(frame.toX((start + offset + step / steps) / rate), frame.toY(windowAt(points, grid, offset)));
      }
      context.lineTo(frame.toX((start + grid.chunk_size) / rate), zero);
      const color = chunk % 2 ? OVERLAP_COLORS.other : one;
      context.globalAlpha = chunk <= last ? 0.16 : 0.04;
      context.fillStyle = color;
      context.fill();
      context.globalAlpha = chunk <= last ? 1 : 0.45;
      context.setLineDash(chunk <= last ? [] : [3, 3]);
      context.strokeStyle = color;
      context.lineWidth = 1.2;
      context.stroke();
    }
    context.globalAlpha = 1;
    context.strokeStyle = frame.colors.soft;
    context.setLineDash([6, 4]);
    context.lineWidth = 1.2;
    drawRanges(context, frame, rate, grid.pickSum, { from: 0, to: grid.num_samples });
    context.setLineDash([]);
    context.strokeStyle = frame.colors.text;
    context.lineWidth = 2.2;
    drawRanges(context, frame, rate, (first, final) => {
      const value = sumSoFar(points, grid, Math.floor((first + final) / 2), last);
      return [value, value];
    }, { from: grid.start, to: grid.start + grid.padded_length });
  },
  describe(x) {
    const grid = now();
    if (!grid) return "";
    const sample = Math.floor(x * grid.sample_rate + 1e-6);
    const [from, to] = findChunks(grid, sample, sample);
    const sum = formatValue(sumSoFar(grid.points, grid, sample, lastAdded()));
    return to < from ? "" : `chunks ${from} to ${to}, sum ${sum}`;
  },
});

// Lines with names: entries() gives { name, color, dash, pick }; red where there is nothing to divide by.
const makeGains = (now, entries) => ({
  draw(context, frame) {
    const grid = now();
    if (!grid) return;
    if (grid.least < 1e-8) {
      context.strokeStyle = "#D62728";
      context.lineWidth = 2;
      const width = Math.round(frame.width), per = (frame.x[1] - frame.x[0]) / width * grid.sample_rate;
      for (let pixel = 0; pixel < width; pixel++) {
        const first = Math.floor(frame.x[0] * grid.sample_rate + pixel * per + 1e-6), last = Math.max(first, Math.floor(first + per - 1e-6));
        if (first < 0 || last >= grid.num_samples || grid.pickSum(first, last)[0] >= 1e-8) continue;
        drawLine(context, frame.left + pixel + 0.5, frame.top, frame.left + pixel + 0.5, frame.top + frame.height);
      }
    }
    for (const { color, dash, width, pick } of entries()) {
      context.strokeStyle = color;
      context.lineWidth = width ?? 1.6;
      context.setLineDash(dash ?? []);
      drawRanges(context, frame, grid.sample_rate, pick, { from: 0, to: grid.num_samples });
    }
  },
  describe(x) {
    const grid = now();
    const sample = grid ? Math.floor(x * grid.sample_rate + 1e-6) : -1;
    if (!grid || sample < 0 || sample >= grid.num_samples) return "";
    return entries().map(({ name, pick }) => `${name} ${formatValue((pick(sample, sample) ?? [NaN])[0])}`).join(", ");
  },
});

// Errors in dB, one value a column of the song.
const makeErrors = (now, entries) => ({
  draw(context, frame) {
    const grid = now();
    if (!grid) return;
    for (const { color, dash, values } of entries()) {
      const per = Math.ceil(grid.num_samples / values.length);
      context.strokeStyle = color;
      context.lineWidth = 1.4;
      context.setLineDash(dash ?? []);
      const pick = (first, last) => {
        let most = -Infinity;
        for (let column = Math.floor(first / per); column <= Math.min(values.length - 1, Math.floor(last / per)); column++) most = Math.max(most, values[column]);
        return most > -Infinity ? [most, most] : null;
      };
      drawRanges(context, frame, grid.sample_rate, pick, { from: 0, to: grid.num_samples });
    }
  },
  describe(x) {
    const grid = now();
    const sample = grid ? Math.floor(x * grid.sample_rate + 1e-6) : -1;
    if (!grid || sample < 0 || sample >= grid.num_samples) return "";
    return entries().map(({ name, values }) => {
      const value = values[Math.floor(sample / Math.ceil(grid.num_samples / values.length))];
      return `${name} ${value <= -159.9 ? "≤ −160 dB" : formatValue(value, "dB", 0.1)}`;
    }).join(", ");
  },
});

// Rows of name, answer and the figure behind it.
function showFacts(table, facts) {
  table.replaceChildren(...facts.map(({ name, answer, figure }) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, answer), element("td", {}, figure))));
}

// What the lines of a picture mean, above it: [{ name, color or null for the text's, dash, wide, fill }].
function makeLegend() {
  const node = element("div", { class: "wb-legend" });
  return {
    node,
    show(entries) {
      node.replaceChildren(...entries.map(({ name, color, dash, wide, fill }) => {
        const style = fill ? { background: fill } : {
          borderTopColor: color ?? "currentColor", borderTopStyle: dash ? "dashed" : "solid", borderTopWidth: wide ? "3px" : "2px",
        };
        return element("span", {}, element("i", { class: fill ? "wb-swatch-fill" : "wb-swatch-line", style, "aria-hidden": "true" }), name);
      }));
    },
  };
}
