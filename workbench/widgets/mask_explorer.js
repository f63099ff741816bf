const SONG = "song"; // in the list of chunks

function makeControls(widget) {
  const { stems, channels, chunks, origins, kinds, differences, has_song } = widget.get("choices");
  const [lowest, highest] = widget.get("picture").levels;
  const names = [...(has_song ? [[SONG, "whole song"]] : []), ...chunks.map(([start, stop], index) =>
    [String(index), `${index}: ${formatValue(start, "", 0.01)} to ${formatValue(stop, "s", 0.01)}`])];
  const controls = {
    stem: select({ label: "stem", options: stems }),
    channel: select({ label: "channel", options: channels.map((name, index) => [String(index), name]) }),
    chunk: select({ label: "chunk", options: names }),
    origin: select({ label: "mask", options: origins }),
    exponent: slider({ label: "exponent", min: 0, max: 8, step: 0.1 }),
    threshold: slider({ label: "threshold", min: 0, max: 1, step: 0.01 }),
    show_difference: select({ label: "difference", options: differences }),
    against: select({ label: "ideal mask", options: kinds }),
    floor_db: slider({ label: "floor", min: lowest, max: highest, step: 1, unit: "dB" }),
    top_db: slider({ label: "top", min: lowest, max: highest, step: 1, unit: "dB" }),
    colour_map: select({ label: "colours", options: Object.keys(widget.get("tables")) }),
    frequency_axis: select({ label: "frequency axis", options: [["log", "logarithmic"], ["linear", "linear"]] }),
    hear_shown: checkbox({ label: "only the stretch shown" }),
  };
  const number = { toControl: String, toTrait: Number };
  const convert = {
    channel: number,
    chunk: { toControl: (value) => value === null ? SONG : String(value), toTrait: (value) => value === SONG ? null : Number(value) },
  };
  for (const [trait, made] of Object.entries(controls)) widget.bind(trait, made, convert[trait]);
  return controls;
}

function makeImages(widget) {
  const empty = { data: new Uint8Array(1), rows: 1, columns: 1, x: { first: 0, step: 1 }, y: { first: 0, step: 1 }, values: [0, 1] };
  const colours = asBytes(widget.get("mask_colours"));
  return {
    mixture: new LevelImage({ ...empty, colours }),
    mask: new JoinedImage({ ...empty, colours, join: "mean", label: "magnitude (1)", unit: "" }),
    phase: new JoinedImage({ ...empty, colours: asBytes(widget.get("phase_colours")), join: "middle", label: "phase", unit: "rad" }),
    result: new LevelImage({ ...empty, colours }),
    difference: new JoinedImage({ ...empty, colours: asBytes(widget.get("difference_colours")), join: "mean", label: "difference (1)", unit: "" }),
  };
}

// Takes over what Python sent; an image whose bytes are the same keeps what it made of them.
function showPicture(widget, images) {
  const picture = widget.get("picture"), { rows, columns, start_seconds, step_seconds, step_hertz } = picture;
  const cells = { rows, columns, x: { first: start_seconds, step: step_seconds }, y: { first: 0, step: step_hertz } };
  const phaseStep = 2 * Math.PI / 254; // byte 0 has no phase
  const [low, high, unit] = picture.difference;
  const values = {
    mixture: picture.levels, result: picture.levels, mask: [0, picture.mask_high],
    phase: [-Math.PI - phaseStep, Math.PI], difference: [low, high],
  };
  Object.assign(images.difference, { unit, label: unit ? "difference" : "difference (1)" });
  for (const [name, image] of Object.entries(images)) {
    const source = widget.get(`${name}_levels`), key = JSON.stringify([cells, values[name]]);
    if (!source?.byteLength || (image.source === source && image.key === key)) continue;
    Object.assign(image, { source, key });
    image.setData({ data: asBytes(source), ...cells, values: values[name] });
    if (name !== "mixture" && name !== "result") image.setShown(...values[name]);
  }
  images.mask.setColours(asBytes(widget.get("mask_colours")));
}

// As bindView, for a whole that changes too: chunk, axis and view may all come in one message, in any order.
function followView(widget, view, rangeOf) {
  let isFollowing = false;
  const follow = () => {
    const axis = widget.get("frequency_axis"), whole = { x: widget.get("picture").span_seconds, y: rangeOf(axis) };
    isFollowing = true;
    if (axis !== view.scales.y || JSON.stringify(whole.x) !== JSON.stringify(view.whole.x)) view.setWhole({ ...whole, yScale: axis });
    const [x0, x1, y0, y1] = widget.get("view");
    if (x1 === undefined) view.reset();
    else view.set({ x: [x0, x1], y: y1 === undefined ? null : [Math.max(y0, whole.y[0]), y1] });
    isFollowing = false;
  };
  widget.onChange(["picture", "frequency_axis", "view"], follow);
  widget.cleanup(view.onChange(() => {
    if (isFollowing) return;
    widget.set("view", view.isWhole("x") && view.isWhole("y") ? [] : [...view.x, ...view.y]);
  }));
}

// The panels with their titles, one crosshair and one line of values for all, and where the sound is.
function makePanels(widget, view, images, player) {
  const readout = element("div", { class: "wb-readout" });
  const hint = "Point at a panel to read its values.";
  const panels = {};
  let hovered = null;
  const repaint = () => { for (const { axes } of Object.values(panels)) axes.repaintOverlay(); };
  const hover = (point) => {
    hovered = point;
    const names = { mixture: "mixture", mask: "mask", phase: "phase", result: "result", difference: "difference" };
    const shown = Object.keys(names).filter((name) => !panels[name].node.hidden);
    const values = point ? shown.map((name) => describeCell(names[name], images[name], point)).filter(Boolean) : [];
    readout.textContent = point
      ? [formatValue(point.x, "s", 0.001), formatValue(Math.round(point.y), "Hz"), ...values].join(" · ") : hint;
    repaint();
  };
  const marks = {
    draw(context, frame) {
      context.lineWidth = 1;
      context.strokeStyle = frame.colors.highlight;
      if (hovered) {
        drawLine(context, frame.toX(hovered.x), frame.top, frame.toX(hovered.x), frame.top + frame.height);
        drawLine(context, frame.left, frame.toY(hovered.y), frame.left + frame.width, frame.toY(hovered.y));
      }
      context.strokeStyle = frame.colors.accent;
      context.lineWidth = 2;
      const seconds = player()?.seconds ?? null;
      if (seconds !== null) drawLine(context, frame.toX(seconds), frame.top, frame.toX(seconds), frame.top + frame.height);
    },
  };
  const words = { mixture: "mixture", mask: "mask, magnitude", phase: "mask, phase", result: "result", difference: "difference" };
  for (const [name, image] of Object.entries(images)) {
    const axes = new Axes(widget, {
      view, height: 250, name: words[name], y: { label: "frequency", unit: "Hz" }, bar: image, onHover: hover,
    });
    axes.add(image);
    axes.addOverlay(marks);
    const title = element("div", { class: "wb-mask-title" });
    panels[name] = { axes, title, node: element("div", { class: `wb-mask-panel${name === "difference" ? " wb-mask-wide" : ""}` }, title, axes.node) };
  }
  const node = element("div", { class: "wb-mask-panels" }, ...Object.values(panels).map((panel) => panel.node));
  hover(null);
  return { panels, node, readout, repaint };
}

function makeSoundBar(widget, player, hearShown) {
  const playing = element("span", { class: "wb-soft", role: "status" });
  let asked = null; // only the view that was asked plays
  const ask = (which) => () => {
    asked = which;
    player.wake(widget.get("choices").sample_rate).catch(widget.fail);
    widget.send({ ask: which });
  };
  widget.onMessage(async (content, buffers) => {
    if (content.sound !== asked) return;
    asked = null;
    try {
      await player.play(buffers[0], content.start_seconds, () => { playing.textContent = ""; showPlaying(); });
      if (widget.isClosed) return;
      playing.textContent = `Playing: ${content.words}`;
      showPlaying();
    } catch (error) { widget.fail(error); }
  });
  const stop = button("Stop", () => { player.stop(); playing.textContent = ""; showPlaying(); }, { name: "stop the sound" });
  const showPlaying = () => block(stop, player.seconds === null ? "nothing plays" : "");
  showPlaying();
  return [
    group("hear", "hear", button("Mixture", ask("mixture"), { name: "hear the mixture" }),
      button("Before", ask("before"), { name: "hear before", title: "the stem by the mask of the run" }),
      button("After", ask("after"), { name: "hear after", title: "the stem by the mask shown" }),
      stop, hearShown.node),
    button("Apply to the song", () => widget.send({ ask: "apply" }), { title: "run on with this mask for all stems and chunks" }),
    playing,
  ];
}

function render({ model, el }) {
  const widget = openWidget(model, el);
  const choices = widget.get("choices");
  const rangeOf = (axis) => [axis === "log" ? choices.low_hertz : 0, choices.high_hertz];
  const scale = widget.get("frequency_axis");
  const view = new View({ x: widget.get("picture").span_seconds, y: rangeOf(scale), yScale: scale });
  const images = makeImages(widget);
  const controls = makeControls(widget);
  let player = null;
  const { panels, node, readout, repaint } = makePanels(widget, view, images, () => player);
  player = new OneSound(widget, repaint);

  widget.onChange("picture", () => {
    const { titles } = widget.get("picture");
    showPicture(widget, images);
    for (const [name, panel] of Object.entries(panels)) panel.title.textContent = titles[name];
  });
  followView(widget, view, rangeOf);
  widget.onChange(["floor_db", "top_db"], () => {
    const low = widget.get("floor_db"), high = widget.get("top_db"), [lowest, highest] = widget.get("picture").levels;
    controls.floor_db.setRange(lowest, high - 1);
    controls.top_db.setRange(low + 1, highest);
    Object.assign(controls.floor_db, { value: low });
    Object.assign(controls.top_db, { value: high });
    for (const image of [images.mixture, images.result]) image.setShown(low, high);
  });
  widget.onChange("colour_map", () => {
    const colours = Uint8Array.from(widget.get("tables")[widget.get("colour_map")]);
    for (const image of [images.mixture, images.result]) image.setColours(colours);
  });
  const hasIdeals = choices.kinds.length > 0;
  widget.onChange("show_difference", () => {
    panels.difference.node.hidden = widget.get("show_difference") === "off";
    block(controls.against, widget.get("show_difference") === "mask" ? "" : "for the difference from an ideal mask alone");
  });
  const unchanged = button("Unchanged", () => { widget.set("exponent", 1); widget.set("threshold", 0); }, { name: "exponent 1, threshold 0" });
  widget.onChange(["exponent", "threshold"], () => {
    block(unchanged, widget.get("exponent") === 1 && widget.get("threshold") === 0 ? "the mask is as it was" : "");
  });
  const lines = Object.fromEntries(["score", "status", "notice"].map((trait) => [trait, element("div", { class: "wb-mask-line" })]));
  for (const [trait, line] of Object.entries(lines)) {
    widget.onChange(trait, () => { line.textContent = widget.get(trait); line.hidden = !widget.get(trait); });
  }
  lines.notice.classList.add("wb-soft");
  lines.status.setAttribute("role", "status");
  widget.body.classList.add("wb-mask");
  widget.body.append(
    toolbar(controls.stem.node, controls.channel.node, controls.chunk.node, controls.origin.node),
    toolbar(controls.exponent.node, controls.threshold.node, unchanged,
      hasIdeals ? group("comparison", controls.show_difference.node, controls.against.node) : null),
    toolbar(controls.floor_db.node, controls.top_db.node, controls.colour_map.node, controls.frequency_axis.node),
    toolbar(viewToolbar(view, { y: "frequency" }), ...makeSoundBar(widget, player, controls.hear_shown)),
    lines.score, lines.status, lines.notice, node, readout);
  return widget.close;
}
export default { render };
