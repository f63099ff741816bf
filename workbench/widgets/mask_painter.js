const PAINT_TOOLS = [["brush", "Brush"], ["harmonic", "Harmonic brush"], ["rectangle", "Rectangle"], ["eraser", "Eraser"], ["move", "Move"]];
const PAINT_KEYS_HELP = "arrows move the cursor, with Shift by one cell; Enter or Space paints a dab, Shift+Enter a line from the last one; "
  + "R sets one corner of a rectangle and then the other, Escape forgets it; Z takes back, Shift+Z paints again; "
  + "plus and minus zoom in time, Page keys move on, Home shows all. With the tool Move, arrows move the view";

function makePaintControls(widget) {
  const { stems, starts, most_overtones } = widget.get("choices");
  const controls = {
    stem: select({ label: "stem", options: stems }),
    start: select({ label: "start from", options: starts }),
    gain: slider({ label: "gain", min: 0, max: 1, step: 0.05 }),
    softness: slider({ label: "softness", min: 0, max: 1, step: 0.05 }),
    size_seconds: slider({ label: "width", min: 0.01, max: 10, step: 0.01, unit: "s", scale: "log" }),
    size_octaves: slider({ label: "height", min: 0.05, max: 8, step: 0.05, unit: "octaves", scale: "log" }),
    overtones: slider({ label: "overtones", min: 0, max: most_overtones, step: 1 }),
    others_get_rest: checkbox({ label: "others get the rest" }),
    veil: slider({ label: "veil", min: 0, max: 1, step: 0.05 }),
    floor_db: slider({ label: "floor", min: -100, max: -10, step: 1, unit: "dB" }),
    frequency_axis: select({ label: "frequency axis", options: [["log", "logarithmic"], ["linear", "linear"]] }),
    file: textField({ label: "file", placeholder: "painted.json or painted.npz" }),
  };
  for (const name of ["size_seconds", "size_octaves", "floor_db"]) controls[name].node.classList.add("wb-paint-wide");
  for (const [trait, made] of Object.entries(controls)) widget.bind(trait, made);
  widget.onChange("choices", () => {
    controls.start.setOptions(widget.get("choices").starts);
    controls.start.value = widget.get("start");
  });
  return controls;
}

function makeToolButtons(widget, onPick) {
  const buttons = PAINT_TOOLS.map(([name, words]) => {
    const made = toggle(words);
    made.onInput(() => { made.value = true; widget.set("tool", name); }); // one of them is always pressed
    return [name, made];
  });
  widget.onChange("tool", () => {
    for (const [name, made] of buttons) made.value = name === widget.get("tool");
    onPick(widget.get("tool"));
  });
  return group("tool", "tool", ...buttons.map(([, made]) => made.node));
}

const paintRow = (...children) => element("div", { class: "wb-toolbar wb-paint-row" }, ...children);

function render({ model, el }) {
  const widget = openWidget(model, el);
  const picture = widget.get("picture");
  const plane = new PaintPlane(picture);
  const rangeOf = (axis) => [axis === "log" ? picture.low_hertz : 0, picture.high_hertz];
  const axis = widget.get("frequency_axis");
  const view = new View({ x: [0, picture.seconds], y: rangeOf(axis), yScale: axis });
  const rowHertz = picture.row_stride * picture.step_hertz;
  const image = new LevelImage({
    data: asBytes(widget.get("levels")), rows: picture.level_rows, columns: picture.level_columns,
    x: { first: picture.level_first_seconds, step: picture.level_seconds },
    y: { first: (rowHertz - picture.step_hertz) / 2, step: rowHertz },
    values: picture.level_range, shown: [widget.get("floor_db"), 0], colours: asBytes(widget.get("colours")), label: "level",
  });
  const marks = new PaintMarks(widget, plane);
  const axes = new Axes(widget, {
    view, height: 420, name: "spectrogram to paint on", y: { label: "frequency", unit: "Hz" }, bar: image,
    onHover: (point) => { marks.pointer = point; axes.repaintOverlay(); },
  });
  const layer = new GainLayer(plane, () => axes.repaintOverlay());
  const hand = new PaintHand(widget, layer, marks, axes, view);
  axes.host.setAttribute("aria-label", `spectrogram to paint on: ${PAINT_KEYS_HELP}`);
  axes.node.addEventListener("keydown", (event) => hand.onKey(event), true);
  axes.host.addEventListener("focus", () => { marks.hasFocus = axes.host.matches(":focus-visible"); hand.place(); axes.repaintOverlay(); });
  axes.host.addEventListener("blur", () => { marks.hasFocus = false; axes.repaintOverlay(); });
  axes.host.addEventListener("pointerdown", (event) => { const { x, y } = axes.pointAt(event); marks.cursor = { x, y }; });
  axes.add(image);
  axes.add({ draw() {}, describe: (x, y) => { const gain = layer.gainAt(x, y); return gain === null ? "" : `gain ${gain.toFixed(2)}`; } });
  axes.addOverlay(layer);
  axes.addOverlay(marks);
  bindView(widget, "view", view);

  const controls = makePaintControls(widget);
  const tools = makeToolButtons(widget, (tool) => {
    axes.tool = tool === "move" ? null : hand.tool;
    axes.host.style.touchAction = tool === "move" ? "" : "none"; // a finger paints, and does not scroll
    const idle = tool === "move" ? "the tool Move paints nothing" : "";
    block(controls.overtones, tool === "harmonic" ? "" : "of the harmonic brush alone");
    block(controls.gain, idle || (tool === "eraser" ? "the eraser brings back what was there at the start" : ""));
    block(controls.softness, idle);
    for (const name of ["size_seconds", "size_octaves"]) block(controls[name], idle || (tool === "rectangle" ? "a rectangle has its own size" : ""));
    marks.corner = null;
    axes.repaintOverlay();
  });
  const count = element("span", { class: "wb-soft" });
  const undo = button("Undo", () => hand.undo(-1)), redo = button("Redo", () => hand.undo(1));
  const whole = (tool) => () => hand.paint(tool, []);
  const sound = new PaintSound(widget, {
    sampleRate: picture.sample_rate,
    onStart: (start, stop) => { hand.tell(`playing ${formatValue(start, "", 0.01)} to ${formatValue(stop, "s", 0.01)}`); showSound(); },
    onMove: () => axes.repaintOverlay(), onEnd: () => { hand.tell(""); showSound(); },
  });
  marks.seconds = () => sound.seconds;
  const before = toggle("Before", { name: "hear before", title: "the stem as it was before painting" });
  const stop = button("Stop", () => sound.stop(), { name: "Stop the sound" });
  function showSound() { block(stop, sound.seconds === null ? "nothing plays" : ""); }
  showSound();
  const loop = checkbox({ label: "loop" });
  widget.bind("hear_before", before);
  widget.bind("loop", loop);
  widget.onChange("hear_before", () => sound.setBefore(widget.get("hear_before")));
  widget.onChange("loop", () => sound.setLoop(widget.get("loop")));
  const play = () => { hand.tell("computing the sound …"); sound.ask(marks.cursor?.x ?? null); };
  const legend = element("span", { class: "wb-veil-legend", "aria-hidden": "true" });
  const status = element("span", { class: "wb-soft", role: "status" });

  widget.onChange(["strokes", "position"], () => {
    const position = widget.get("position"), all = widget.get("strokes").length;
    block(undo, position === 0 ? "there is no stroke to take back" : "");
    block(redo, position >= all ? "no stroke was taken back" : "");
    count.textContent = `${position} of ${all} strokes`;
  });
  widget.onChange("veil", () => {
    layer.setOpacity(widget.get("veil"));
    legend.style.background = `linear-gradient(to right, rgba(${VEIL_COLOUR.join()}, ${widget.get("veil")}), rgba(${VEIL_COLOUR.join()}, 0)), #56147d`;
  });
  widget.onChange("floor_db", () => image.setShown(widget.get("floor_db"), 0));
  block(controls.others_get_rest, widget.get("choices").stems.length > 1 ? "" : "there is one stem only");
  widget.onChange("status", () => { status.textContent = widget.get("status"); });
  widget.onChange("levels", () => image.setData({ data: asBytes(widget.get("levels")), rows: picture.level_rows, columns: picture.level_columns }), { now: false });
  widget.onChange(["gain", "softness", "size_seconds", "size_octaves", "overtones"], () => axes.repaintOverlay(), { now: false });
  widget.onChange("frequency_axis", () => {
    const next = widget.get("frequency_axis"), x = view.x;
    if (next === view.scales.y) return;
    view.setWhole({ y: rangeOf(next), yScale: next });
    view.set({ x });
  });
  widget.onMessage((content, buffers) => {
    if (!content.gain || content.stem !== widget.get("stem")) return;
    if (content.start === undefined) layer.setPart(content.gain, asBytes(buffers[0]));
    else layer.setAll(asBytes(buffers[0]), content.start ?? asBytes(buffers[1]).slice());
  });

  widget.body.append(
    toolbar(controls.stem.node, controls.start.node, tools),
    paintRow(controls.gain.node, controls.softness.node, controls.size_seconds.node, controls.size_octaves.node, controls.overtones.node),
    toolbar(group("strokes", undo, redo, button("Clear", whole("clear"), { title: "bring the start back everywhere" }),
      button("Invert", whole("invert"), { title: "1 minus the gain everywhere" }), count), controls.others_get_rest.node,
    group("hear", button("▶ Play", play, { name: "Play what is shown" }), stop, before.node, loop.node),
    button("Apply to the song", () => widget.send({ ask: "apply" }), { title: "run the whole song through this mask" })),
    viewToolbar(view, { y: "frequency" }),
    axes.node,
    paintRow(element("span", { class: "wb-soft" }, "gain 0 ", legend, " 1"), controls.veil.node, controls.floor_db.node, controls.frequency_axis.node,
      group("files", controls.file.node, button("Save", () => widget.send({ ask: "save" })), button("Load", () => widget.send({ ask: "load" })))),
    toolbar(hand.status, status));
  widget.root.__painter = { view, axes, layer, plane, marks, hand, sound, image };
  widget.send({ ask: "gain" });
  return widget.close;
}
export default { render };
