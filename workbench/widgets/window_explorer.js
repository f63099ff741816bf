// Windows laid over one another, their sum, and a signal put together with them.
const OVERLAP_CHOICES = [["0", "0"], ["0.25", "1/4"], ["0.5", "1/2"], [String(2 / 3), "2/3"], ["0.75", "3/4"], ["0.875", "7/8"]];
const HOP_STEPS = 64; // of the slider, to a chunk
const WINDOW_TRACKS = {
  signal: "the signal", stitched: "stitch_chunks", plain: "without normalization", mistake: "the mistake", difference: "the difference",
};

function render({ model, el }) {
  const widget = openWidget(model, el);
  const { get, set } = widget;
  let drawn = null; // the grid, with what is drawn over it
  const now = () => drawn;
  const lastAdded = () => (get("num_added") < 0 ? drawn.num_chunks : get("num_added")) - 1;

  const shape = select({ label: "window" });
  const summary = element("span", { class: "wb-soft" });
  const sliders = element("div", { class: "wb-toolbar", role: "group", "aria-label": "parameters of the window" });
  const chunk = numberField({ label: "chunk", min: 1, step: 256, unit: "samples" });
  const hop = slider({ label: "hop", min: 1, max: 2, step: 1, unit: "samples" });
  const exact = numberField({ label: "hop exactly", step: 1, unit: "samples" });
  const overlap = select({ label: "overlap" });
  const mistake = select({ label: "well-known mistakes", options: [["", "none"], ...get("known_mistakes").map(({ key, title }) => [key, title])] });
  const story = element("div", { class: "wb-mistake", role: "status" });
  const signal = select({ label: "signal", options: get("signals") });
  const start = slider({ label: "from", min: 0, max: 1, step: 0.1, unit: "s" });
  const added = slider({ label: "chunks added", min: 1, max: 2, step: 1 });
  const facts = element("table", { class: "wb-facts", "aria-label": "verdict" });
  const allAxes = [];
  const clip = new ClipSound(widget, { rate: () => drawn.sample_rate, onChange: () => showSound() });
  const listen = makeClipButtons(clip, WINDOW_TRACKS);

  const view = new View({ x: [0, 1], smallest: { x: 0.0002, y: 1 } });
  const edgeViews = { first: new View({ x: [0, 1], smallest: { x: 0.005, y: 1 } }), last: new View({ x: [0, 1], smallest: { x: 0.005, y: 1 } }) };
  const shading = makeShading(now), stack = makeStack(now, lastAdded);
  const weightAxis = () => ({ label: "weight", unit: "1", range: [0, 1] });
  const addAxes = (options, ...layers) => {
    const axes = new Axes(widget, options);
    for (const layer of layers) axes.add(layer);
    allAxes.push(axes);
    return axes;
  };
  const gains = () => [
    drawn.normalized && { name: "stitch_chunks", color: OVERLAP_COLORS.good, width: 2.4, pick: drawn.normalized },
    { name: "without normalization", color: OVERLAP_COLORS.other, dash: [6, 3], pick: drawn.pickPlain },
    drawn.mistakeGain && { name: "the mistake", color: OVERLAP_COLORS.mistake, width: 2.2, pick: drawn.mistakeGain },
  ].filter(Boolean);
  const errors = () => [
    { name: "stitch_chunks", color: OVERLAP_COLORS.good, values: drawn.errors[0] },
    { name: "without normalization", color: OVERLAP_COLORS.other, dash: [6, 3], values: drawn.errors[1] },
    { name: "the mistake", color: OVERLAP_COLORS.mistake, values: drawn.errors[2] },
  ].filter(({ values }) => values.length);
  const stackAxes = addAxes({ view, height: 240, name: "Windows and their sum", y: weightAxis() }, shading, stack);
  const gainAxes = addAxes({ view, height: 190, name: "Sum after normalization", y: { label: "gain", unit: "1", range: [0, 1] } }, shading, makeGains(now, gains));
  const firstAxes = addAxes({ view: edgeViews.first, height: 200, name: "First chunk", y: weightAxis() }, shading, stack);
  const lastAxes = addAxes({ view: edgeViews.last, height: 200, name: "Last chunk", y: weightAxis() }, shading, stack);
  const lanes = new Lanes({ lanes: [], step: 1 });
  const waveAxes = addAxes({ view, height: 250, name: "Waveforms", y: { label: "amplitude", range: [0, 1], ticks: false } }, shading, lanes);
  const errorAxes = addAxes({ view, height: 200, name: "Reconstruction error", y: { label: "error", unit: "dB", range: [-165, 15] } }, shading, makeErrors(now, errors));
  for (const axes of [stackAxes, gainAxes, waveAxes, errorAxes]) axes.addOverlay(makeClipLine(clip));

  const legends = { stack: makeLegend(), gains: makeLegend(), errors: makeLegend() };
  const title = (words, legend) => element("div", { class: "wb-panel-title" }, element("h5", {}, words), legend?.node);
  widget.body.append(
    toolbar(shape.node, summary), sliders,
    toolbar(chunk.node, hop.node, exact.node, overlap.node),
    toolbar(mistake.node, signal.node, start.node, listen.node),
    story, facts,
    toolbar(added.node, viewToolbar(view)),
    title("Windows of the chunks, and their sum", legends.stack), stackAxes.node,
    title("The sum after normalization: the gain that a song comes out with", legends.gains), gainAxes.node,
    element("div", { class: "wb-edges" },
      element("div", {}, title("First chunk"), firstAxes.node), element("div", {}, title("Last chunk"), lastAxes.node)),
    title("The signal, and what came of it"), waveAxes.node,
    title("Reconstruction error, in dB of the signal's peak", legends.errors), errorAxes.node);

  let frame = null;
  const follow = () => {
    for (const axes of [stackAxes, gainAxes, waveAxes, errorAxes]) axes.repaintOverlay();
    frame = clip.position === null ? null : requestAnimationFrame(follow);
  };
  function showSound() {
    listen.show(drawn?.tracks ?? []);
    cancelAnimationFrame(frame);
    follow();
  }
  const showKnown = () => {
    shape.setOptions(get("known_windows").map(({ id, title: words }) => [id, words]));
    shape.value = get("window");
    showShape();
  };
  let shownShape = null, paramSliders = [];
  const showShape = () => {
    const known = get("known_windows").find(({ id }) => id === get("window"));
    shape.value = get("window");
    if (!known) return;
    summary.textContent = known.summary;
    if (shownShape !== JSON.stringify(known)) {
      shownShape = JSON.stringify(known);
      paramSliders = known.parameters.map((one) => {
        const made = slider({ label: one.name, min: one.low, max: one.high, step: one.step });
        made.onInput((value) => set("parameters", { ...get("parameters"), [one.name]: value }));
        made.node.title = one.summary;
        made.node.append(element("span", { class: "wb-hint" }, one.summary));
        return { name: one.name, made };
      });
      sliders.replaceChildren(...paramSliders.map(({ made }) => made.node));
    }
    for (const { name, made } of paramSliders) if (name in get("parameters")) made.value = get("parameters")[name];
  };
  const showHop = () => {
    const size = Math.max(1, get("chunk_samples")), step = Math.max(1, Math.round(size / HOP_STEPS));
    hop.setRange(step, Math.max(step, Math.floor(size / step) * step), step);
    chunk.value = get("chunk_samples");
    hop.value = get("hop_samples");
    exact.value = get("hop_samples");
    const given = get("overlap"), known = OVERLAP_CHOICES.find(([value]) => Math.abs(Number(value) - given) < 1e-9);
    overlap.setOptions(known ? OVERLAP_CHOICES : [...OVERLAP_CHOICES, [String(given), given.toFixed(3)]]);
    overlap.value = known ? known[0] : String(given);
  };
  const showStory = () => {
    mistake.value = get("mistake");
    const known = get("known_mistakes").find(({ key }) => key === get("mistake"));
    story.hidden = !known;
    story.replaceChildren(...(known ? [element("p", {}, `What is wrong: ${known.wrong}`), element("p", {}, `What is heard and seen: ${known.heard}`)] : []));
  };
  const show = () => {
    if (!get("drawn").num_chunks) return;
    const grid = get("drawn"), rate = grid.sample_rate;
    const pickSum = pickPeriodic(asFloat32(get("sum_points")), grid);
    const normalized = asFloat32(get("normalized_points")), gain = asFloat32(get("mistake_gain"));
    drawn = {
      ...grid, pickSum, points: asFloat32(get("window_points")),
      pickPlain: (first, last) => pickSum(first, last).map((value) => value / grid.mean),
      normalized: normalized.length ? pickPeriodic(normalized, grid) : null,
      mistakeGain: gain.length ? pickAlong(gain, grid) : null,
      errors: get("errors").map(asFloat32),
    };
    const kept = get("shown");
    const whole = [grid.start / rate, (grid.start + grid.padded_length) / rate];
    view.setWhole({ x: whole });
    if (kept.length) view.set({ x: kept.slice(0, 2) });
    const chunkSeconds = grid.chunk_size / rate, lastStart = (grid.start + (grid.num_chunks - 1) * grid.hop_size) / rate;
    const room = 0.04 * chunkSeconds;
    edgeViews.first.setWhole({ x: [whole[0] - room, whole[0] + chunkSeconds + room] });
    edgeViews.last.setWhole({ x: [lastStart - room, lastStart + chunkSeconds + room] });
    const highest = Math.max(grid.most, ...drawn.points), lowest = Math.min(0, grid.least, ...drawn.points);
    const range = [lowest < 0 ? 1.15 * lowest : 0, 1.12 * highest];
    for (const axes of [stackAxes, firstAxes, lastAxes]) axes.yAxis.range = range;
    const mistakes = drawn.mistakeGain?.(0, grid.num_samples - 1) ?? [0, 1];
    gainAxes.yAxis.range = [Math.min(0, 1.1 * grid.least / grid.mean, 1.1 * mistakes[0]), 1.15 * Math.max(1, grid.most / grid.mean, mistakes[1])];
    const colors = [null, OVERLAP_COLORS.good, OVERLAP_COLORS.other, OVERLAP_COLORS.mistake];
    const names = ["signal", "stitch_chunks", "without normalization", "the mistake"];
    lanes.setLanes({
      lanes: get("peaks").map((data, index) => ({ name: names[index], color: colors[index], data: asInt16(data) })).filter(({ data }) => data.length),
      step: grid.block / rate,
    });
    const refused = grid.least < 1e-8 ? [{ name: "sum 0 or below: nothing to divide by", color: "#D62728" }] : [];
    const ends = [{ name: "padding, cut off after stitching", fill: "var(--wb-grid)" }];
    legends.stack.show([
      { name: "window of a chunk", color: "var(--wb-overlap-one)" }, { name: "of the next", color: OVERLAP_COLORS.other },
      { name: "sum so far", color: "var(--wb-text)", wide: true }, { name: "sum of all", color: "var(--wb-soft)", dash: true }, ...ends]);
    legends.gains.show([...gains().map(({ name, color, dash }) => ({ name, color, dash })), ...refused]);
    legends.errors.show(errors().map(({ name, color, dash }) => ({ name, color, dash })));
    added.setRange(1, Math.max(1, grid.num_chunks), 1);
    block(added, grid.num_chunks < 2 ? "there is one chunk only" : "");
    showAdded();
    showFacts(facts, get("facts"));
    start.setRange(0, Math.max(0.1, get("latest_start_seconds")), 0.1);
    start.node.hidden = !(get("latest_start_seconds") > 0);
    start.value = get("start_seconds");
    for (const axes of allAxes) axes.repaint();
    showSound();
  };
  const showAdded = () => {
    if (!drawn) return;
    added.value = lastAdded() + 1;
    for (const axes of [stackAxes, firstAxes, lastAxes]) axes.repaint();
  };

  widget.root.__explorer = { now, view, clip, allAxes, sumSoFar };
  shape.onInput((value) => { // with its parameters, lest those of the last window are sent again before Python answers
    const { parameters } = get("known_windows").find(({ id }) => id === value);
    set("parameters", Object.fromEntries(parameters.map((one) => [one.name, one.default])));
    set("window", value);
  });
  widget.listen(shape.input, "focus", () => widget.send({ ask: "windows" }));
  widget.bind("chunk_samples", chunk);
  widget.bind("hop_samples", hop);
  widget.bind("hop_samples", exact);
  overlap.onInput((value) => set("overlap", Number(value)));
  widget.bind("mistake", mistake);
  widget.bind("signal", signal);
  widget.bind("start_seconds", start);
  added.onInput((value) => drawn && set("num_added", value >= drawn.num_chunks ? -1 : value));
  widget.onChange(["known_windows"], showKnown);
  widget.onChange(["window", "parameters"], showShape, { now: false });
  widget.onChange(["chunk_samples", "hop_samples", "overlap"], showHop);
  widget.onChange("mistake", showStory);
  widget.onChange("drawn", show);
  widget.onChange("num_added", showAdded);
  bindView(widget, "shown", view);
  widget.cleanup(() => cancelAnimationFrame(frame));
  return widget.close;
}
export default { render };
