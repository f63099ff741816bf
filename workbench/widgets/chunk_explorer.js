// A song's waveform with its padding, the chunks below it in lanes, and one chunk as a model gets it.
const CHUNK_OVERLAPS = [0, 0.25, 0.5, 2 / 3, 0.75, 0.875, 0.9];
const MOST_NAMED = 8; // chunks that are listed with the places in them

// Chunks as bars; those that overlap lie in different lanes, the first at the top.
const makeBars = (now, { selected, covering }) => ({
  draw(context, frame) {
    const grid = now();
    if (!grid) return;
    const rate = grid.sample_rate, height = frame.height / grid.num_lanes, style = getComputedStyle(context.canvas);
    const blue = style.getPropertyValue("--wb-overlap-one").trim(), covered = new Set(covering().map(({ chunk }) => chunk));
    const [from, to] = findChunks(grid, Math.floor(frame.x[0] * rate), Math.ceil(frame.x[1] * rate));
    context.font = frame.font;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let chunk = from; chunk <= to; chunk++) {
      const start = grid.start + chunk * grid.hop_size, isSelected = chunk === selected();
      const left = frame.toX(start / rate), right = frame.toX((start + grid.chunk_size) / rate);
      const top = frame.top + (chunk % grid.num_lanes) * height + 0.1 * height, tall = 0.8 * height;
      context.fillStyle = isSelected ? frame.colors.highlight : blue;
      context.globalAlpha = isSelected ? 0.85 : covered.has(chunk) ? 0.6 : 0.28;
      context.fillRect(left, top, right - left, tall);
      context.globalAlpha = 1;
      context.strokeStyle = isSelected ? frame.colors.text : blue;
      context.lineWidth = isSelected || covered.has(chunk) ? 2 : 1;
      if (tall > 3) context.strokeRect(left + 0.5, top, Math.max(1, right - left - 1), tall);
      const words = String(chunk), middle = (Math.max(left, frame.left) + Math.min(right, frame.left + frame.width)) / 2;
      if (tall < 11 || context.measureText(words).width + 8 > Math.min(right, frame.left + frame.width) - Math.max(left, frame.left)) continue;
      const wide = context.measureText(words).width;
      context.fillStyle = frame.colors.background;
      context.fillRect(middle - wide / 2 - 3, top + tall / 2 - Math.min(8, tall / 2 - 1), wide + 6, Math.min(16, tall - 2));
      context.fillStyle = frame.colors.text;
      context.fillText(words, middle, top + tall / 2);
    }
  },
  describe(x) {
    const grid = now();
    if (!grid) return "";
    const sample = Math.floor(x * grid.sample_rate + 1e-6), [from, to] = findChunks(grid, sample, sample);
    return to < from ? "" : from === to ? `chunk ${from}` : `chunks ${from} to ${to}`;
  },
});

function render({ model, el }) {
  const widget = openWidget(model, el);
  const { get, set } = widget;
  const rate = get("sample_rate"), fullScale = get("full_scale");
  let drawn = null;
  const now = () => drawn;
  const selectChunk = (index) => drawn && set("chunk", clamp(index, 0, drawn.num_chunks - 1));
  const step = (by) => () => selectChunk(get("chunk") + by);

  const size = numberField({ label: "chunk", min: 1, step: Math.max(1, Math.round(rate / 100)), unit: "samples" });
  const seconds = slider({
    label: "length", min: Math.min(0.01, get("num_samples") / rate), max: Math.max(0.02, Math.min(60, 2 * get("num_samples") / rate)),
    step: 1 / rate, scale: "log", format: (value) => formatValue(value, "s"),
  });
  const overlap = slider({ label: "overlap", min: 0, max: 0.98, step: 0.01 });
  const known = select({ label: "overlap of" });
  const mode = select({ label: "padding", options: ["reflect", ["constant", "constant (zeros)"], "replicate"] });
  const chunk = slider({ label: "selected chunk", min: 0, max: 1, step: 1 });
  const instant = numberField({ label: "instant", step: 1, unit: "samples" });
  const inside = element("div", { class: "wb-soft", role: "status", "aria-label": "chunks at this instant" });
  const facts = element("table", { class: "wb-facts", "aria-label": "figures of the chunks" });
  const code = element("code");
  const copy = copyButton(code, { name: "Copy settings as Python" });
  const clip = new ClipSound(widget, { rate: () => rate, onChange: () => showSound() });
  const previous = button("◀", step(-1), { name: "previous chunk" }), next = button("▶", step(1), { name: "next chunk" });
  const hear = button("▶ Hear the chunk", () => clip.toggle("chunk"));

  const view = new View({ x: [0, 1], smallest: { x: 1e-4, y: 1 } });
  const chunkView = new View({ x: [0, 1], smallest: { x: 1e-3, y: 1 } });
  const shading = makeShading(now, { names: () => [`padding (${drawn.padding_mode})`, "final zeros"] });
  const amplitude = () => ({ label: "amplitude", unit: "1", range: [-1.05 * fullScale, 1.05 * fullScale] });
  const lane = (color, data) => ({ name: "", color, data });
  const makeWave = (color, dataStep) => new Lanes({ lanes: [lane(color, new Int16Array(0))], step: dataStep });
  const song = makeWave(null, get("song_block") / rate), before = makeWave(OVERLAP_COLORS.other, 1), after = makeWave(OVERLAP_COLORS.other, 1);
  const wave = makeWave(OVERLAP_COLORS.other, 1);
  for (const each of [song, before, after, wave]) each.describe = () => "";
  const scaled = (layer) => ({ draw(context, frame) { // lanes fill the height, which here is a little more than full scale
    const inner = { ...frame, top: frame.toY(fullScale), height: frame.toY(-fullScale) - frame.toY(fullScale) };
    layer.draw(context, inner);
  } });
  const pick = (point) => drawn && set("instant_sample", clamp(Math.floor(point.x * rate + 1e-6), drawn.start, drawn.start + drawn.padded_length - 1));
  const songAxes = new Axes(widget, { view, height: 190, name: "Song with padding", y: amplitude(), onClick: pick });
  for (const layer of [shading, scaled(before), scaled(after), scaled(song)]) songAxes.add(layer);
  const laneAxes = new Axes(widget, {
    view, height: 210, name: "Chunks in lanes", y: { label: "chunk", range: [0, 1], ticks: false },
    onClick: (point) => {
      if (!drawn) return;
      pick(point);
      const lanesDown = Math.min(drawn.num_lanes - 1, Math.floor((1 - point.y) * drawn.num_lanes));
      const sample = Math.floor(point.x * rate + 1e-6), [from, to] = findChunks(drawn, sample, sample);
      for (let index = from; index <= to; index++) if (index % drawn.num_lanes === lanesDown) selectChunk(index);
    },
  });
  laneAxes.add(makeShading(now, { names: () => ["", ""] })); // bars lie over their place
  laneAxes.add(makeBars(now, { selected: () => get("chunk"), covering: () => get("covering") }));
  laneAxes.host.setAttribute("aria-label", "Chunks in lanes: left and right arrow select a chunk, + and − zoom in time, Home shows all");
  const chunkAxes = new Axes(widget, { view: chunkView, height: 190, name: "Selected chunk", y: amplitude() });
  chunkAxes.add(shading);
  chunkAxes.add(scaled(wave));
  const mark = {
    draw(context, frame) {
      const x = frame.toX((get("instant_sample") + 0.5) / rate);
      context.fillStyle = frame.colors.accent;
      context.fillRect(x - 1, frame.top, 2, frame.height);
    },
  };
  const startOf = () => (drawn ? drawn.start + get("chunk") * drawn.hop_size : 0) / rate;
  const allAxes = [songAxes, laneAxes, chunkAxes];
  for (const axes of allAxes) { axes.addOverlay(mark); axes.addOverlay(makeClipLine(clip, startOf)); }
  // caught before the axes pan by them
  laneAxes.node.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    step(by)();
  }, true);

  const title = (words, ...more) => element("div", { class: "wb-panel-title" }, element("h5", {}, words), ...more);
  const chunkTitle = element("h5");
  const legend = makeLegend();
  legend.show([
    { name: "padding", fill: "var(--wb-grid)" }, { name: "what it holds", color: OVERLAP_COLORS.other },
    { name: "final zeros (hatched)", fill: "repeating-linear-gradient(135deg, transparent 0 3px, var(--wb-line) 3px 4px)" },
    { name: "instant", color: "var(--wb-accent)" }]);
  widget.body.append(
    toolbar(size.node, seconds.node, overlap.node, known.node, mode.node),
    toolbar(viewToolbar(view)),
    facts,
    title("Song, and what lies before and behind it", legend.node), songAxes.node,
    title("Chunks, in lanes where they overlap", element("span", { class: "wb-soft" }, "click on an instant to see which chunks cover it")), laneAxes.node,
    toolbar(group("instant", instant.node), inside),
    element("div", { class: "wb-panel-title" }, chunkTitle),
    toolbar(group("chunk", previous, chunk.node, next), hear),
    chunkAxes.node,
    title("These settings as Python", copy.node), element("pre", { class: "wb-code" }, code));

  let frame = null;
  const followSound = () => {
    for (const axes of allAxes) axes.repaintOverlay();
    frame = clip.position === null ? null : requestAnimationFrame(followSound);
  };
  function showSound() {
    hear.textContent = clip.track ? "■ Stop" : "▶ Hear the chunk";
    cancelAnimationFrame(frame);
    followSound();
  }
  const showSettings = () => {
    size.value = get("chunk_samples");
    seconds.value = get("chunk_samples") / rate;
    overlap.value = get("overlap");
    const list = CHUNK_OVERLAPS.map((value) => [String(value), value === 2 / 3 ? "2/3" : String(value)]);
    const given = String(get("overlap")), isKnown = list.some(([value]) => value === given);
    known.setOptions(isKnown ? list : [...list, [given, get("overlap").toFixed(3)]]);
    known.value = given;
  };
  const showChunk = () => {
    if (!drawn) return;
    const index = get("chunk"), start = startOf(), stop = start + drawn.chunk_size / rate;
    chunk.value = index;
    block(previous, index > 0 ? "" : "this is the first chunk");
    block(next, index < drawn.num_chunks - 1 ? "" : "this is the last chunk");
    chunkTitle.textContent = `Chunk ${index} (of 0 to ${drawn.num_chunks - 1}) as a model gets it: ${formatValue(start, "s")} to ${formatValue(stop, "s")}`;
    wave.setLanes({ lanes: [lane("#B35C00", asInt16(get("chunk_peaks")))], step: drawn.chunk_block / rate, start });
    chunkView.setWhole({ x: [start, stop] });
    if (start > view.x[1] || stop < view.x[0]) {
      const span = view.x[1] - view.x[0];
      view.set({ x: [(start + stop - span) / 2, (start + stop + span) / 2] });
    }
    laneAxes.repaint();
    clip.stop();
  };
  const showInstant = () => {
    if (!drawn) return;
    const sample = get("instant_sample"), covering = get("covering");
    instant.value = sample;
    const named = covering.slice(0, MOST_NAMED).map(({ chunk: index, place }) => `chunk ${index} at its sample ${place} (${formatValue(place / rate, "s", 1 / rate)})`);
    const more = covering.length > MOST_NAMED ? ` and ${covering.length - MOST_NAMED} more, up to chunk ${covering.at(-1).chunk}` : "";
    inside.textContent = `${formatValue(sample / rate, "s", 1 / rate)}: in ${named.join(", ")}${more}`;
    for (const axes of allAxes) axes.repaintOverlay();
    laneAxes.repaint();
  };
  const show = () => {
    const grid = get("drawn");
    if (!grid.num_chunks) return;
    drawn = grid;
    const kept = get("shown"), paddingStep = grid.padding_block / rate;
    song.setLanes({ lanes: [lane(null, asInt16(get("song_peaks")))] });
    before.setLanes({ lanes: [lane(OVERLAP_COLORS.other, asInt16(get("before_peaks")))], step: paddingStep, start: grid.start / rate });
    after.setLanes({ lanes: [lane(OVERLAP_COLORS.other, asInt16(get("after_peaks")))], step: paddingStep, start: grid.num_samples / rate });
    view.setWhole({ x: [grid.start / rate, (grid.start + grid.padded_length) / rate] });
    if (kept.length) view.set({ x: kept.slice(0, 2) });
    chunk.setRange(0, Math.max(1, grid.num_chunks - 1), 1);
    block(chunk, grid.num_chunks < 2 ? "there is one chunk only" : "");
    showFacts(facts, get("facts"));
    code.textContent = get("code");
    copy.reset();
    showChunk();
    showInstant();
    for (const axes of allAxes) axes.repaint();
  };

  widget.root.__explorer = { now, view, clip, laneAxes, songAxes, chunkAxes };
  widget.bind("chunk_samples", size);
  seconds.onInput((value) => set("chunk_samples", Math.max(1, Math.round(value * rate))));
  widget.bind("overlap", overlap);
  known.onInput((value) => set("overlap", Number(value)));
  widget.bind("padding_mode", mode);
  widget.bind("chunk", chunk);
  widget.bind("instant_sample", instant);
  widget.onChange(["chunk_samples", "overlap"], showSettings);
  widget.onChange("drawn", show);
  widget.onChange(["chunk", "chunk_peaks"], showChunk, { now: false });
  widget.onChange(["instant_sample", "covering"], showInstant, { now: false });
  bindView(widget, "shown", view);
  widget.cleanup(() => cancelAnimationFrame(frame));
  return widget.close;
}
export default { render };
