// Parts of a player: the controls beside each lane, meters, and what is drawn over the lanes.
const LANE_HEIGHT = 68; // CSS pixels, as in stem_player.css

function makeMeter() {
  const bar = element("i");
  const node = element("span", { class: "wb-meter", "aria-hidden": "true", title: "peak, −60 to 0 dBFS; red above" }, bar);
  return {
    node,
    show(peak) {
      const decibels = peak > 0 ? 20 * Math.log10(peak) : -Infinity;
      bar.style.width = `${clamp(100 * (decibels + 60) / 60, 0, 100)}%`;
      bar.classList.toggle("wb-over", decibels > 0);
    },
  };
}

// Name, mute, solo, gain and meter of a track.
function makeStrip(widget, track) {
  const { name, color } = track;
  const change = (trait, isIn) => {
    const others = widget.get(trait).filter((other) => other !== name);
    widget.set(trait, isIn ? [...others, name] : others);
  };
  const mute = toggle("M", { name: `mute ${name}` }), solo = toggle("S", { name: `solo ${name}` });
  mute.onInput((isOn) => change("mute", isOn));
  solo.onInput((isOn) => change("solo", isOn));
  const gain = slider({ label: "gain", min: -60, max: 12, step: 0.5, unit: "dB" });
  gain.input.setAttribute("aria-label", `gain of ${name}`);
  gain.onInput((value) => widget.set("gains_db", { ...widget.get("gains_db"), [name]: value }));
  const meter = makeMeter();
  const node = element("div", { class: "wb-strip", role: "group", "aria-label": name },
    element("div", { class: "wb-strip-head" },
      element("span", { class: "wb-swatch", style: { background: color ?? "var(--wb-text)" } }),
      element("span", { class: "wb-strip-name", title: name }, name), mute.node, solo.node),
    gain.node, meter.node);
  keys(node, {
    m: () => change("mute", !widget.get("mute").includes(name)), s: () => change("solo", !widget.get("solo").includes(name)),
  });
  return {
    node, track, meter,
    update() {
      mute.value = widget.get("mute").includes(name);
      solo.value = widget.get("solo").includes(name);
      gain.value = widget.get("gains_db")[name] ?? 0;
      for (const made of [mute, solo, gain]) block(made, widget.get("null_test") ? "the null test takes all stems at gain 1" : "");
    },
  };
}

// Over the lanes and the spectrogram: the loop, and where the song is. On a picture the song's place is white between
// black, which its colours are not, and the loop is left clear.
function makePlayhead({ position, loop, isOnPicture }) {
  return {
    draw(context, frame) {
      const bounds = loop();
      if (bounds) {
        const [from, to] = bounds.map(frame.toX);
        context.fillStyle = isOnPicture ? "#8ec5ff" : frame.colors.accent;
        context.globalAlpha = 0.18;
        if (!isOnPicture) context.fillRect(from, frame.top, to - from, frame.height);
        context.globalAlpha = 1;
        for (const edge of [from, to]) context.fillRect(edge - 0.75, frame.top, 1.5, frame.height);
      }
      const at = frame.toX(position());
      context.fillStyle = "#000000";
      if (isOnPicture) context.fillRect(at - 2, frame.top, 4, frame.height);
      context.fillStyle = isOnPicture ? "#ffffff" : frame.colors.highlight;
      context.fillRect(at - 1, frame.top, 2, frame.height);
    },
  };
}

// Axes over the song's time: a click seeks, a drag with Shift loops, arrows seek too.
function addTransport(widget, axes, { duration, seek, position, setLoop }) {
  let start = 0;
  const drag = {
    cursor: "col-resize",
    down: (point) => { start = point.x; },
    move: (point) => { setLoop(start, point.x); },
    up: (point) => { if (point.x === start) seek(point.x); },
  };
  axes.onClick = (point) => seek(point.x);
  widget.listen(axes.host, "pointerdown", (event) => { axes.tool = event.shiftKey ? drag : null; }, { capture: true });
  widget.listen(axes.host, "pointerup", () => queueMicrotask(() => { axes.tool = null; }));
  const moves = {
    ArrowLeft: () => position() - 1, ArrowRight: () => position() + 1,
    "Shift+ArrowLeft": () => position() - 0.1, "Shift+ArrowRight": () => position() + 0.1, Home: () => 0, End: () => duration,
  };
  // before the axes themselves, where arrows move the view
  widget.listen(axes.host, "keydown", (event) => {
    const move = moves[(event.shiftKey ? "Shift+" : "") + event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    seek(move());
  }, { capture: true });
  const help = "click or left and right arrows seek by 1 s, with Shift by 0.1 s, Home and End to the ends, space plays, " +
    "drag with Shift loops, + and − zoom in time, Page keys move the view";
  axes.host.setAttribute("aria-label", `${axes.name}: ${help}`);
}

// The spectrogram of one track below the lanes; its levels come from the kernel when first asked for, and are kept.
function makeSpectrum(widget, view, { id, onShow }) {
  const pictures = new Map();
  let wanted = null, image = null, rangeDecibels = 80;
  const axes = new Axes(widget, { view, height: 240, name: "Spectrogram", y: { label: "frequency", unit: "Hz" } });
  const title = element("div", { class: "wb-soft wb-picture-title", role: "status" });
  const node = element("div", { class: "wb-spectrum", hidden: true }, title, axes.node);
  const setRange = (decibels) => {
    rangeDecibels = decibels;
    image?.setShown(image.values[1] - decibels, image.values[1]);
  };
  const update = () => {
    const picture = pictures.get(wanted?.key);
    node.hidden = !wanted;
    if (!wanted) return onShow(false);
    title.textContent = picture ? "" : `the spectrogram of ${wanted.name} is being computed …`;
    title.hidden = Boolean(picture);
    axes.host.hidden = !picture;
    if (!picture) return onShow(false);
    if (image) image.setData(picture);
    else {
      image = axes.add(new LevelImage({ ...picture, shown: picture.values, label: "level", unit: "dBFS" }));
      axes.bar = image;
    }
    setRange(rangeDecibels);
    onShow(true);
  };
  const request = `${id} spectrogram`;
  widget.onMessage((content, buffers) => {
    if (content.request !== request) return;
    if (content.failed) { wanted = null; return update(); } // the message bar says why
    const { rows, columns, frame_seconds: step, bin_hertz: bin, low_db: low, high_db: high } = content;
    pictures.set(content.spectrogram, {
      data: asBytes(buffers[0]), colours: asBytes(buffers[1]), rows, columns,
      x: { first: step / 2, step }, y: { first: 0, step: bin }, values: [low, high],
    });
    update();
  });
  return {
    axes, node, setRange,
    show(track) {
      const isNew = track && wanted?.key !== track.key && !pictures.has(track.key);
      wanted = track ?? null;
      if (isNew) widget.send({ ask: "spectrogram", request, key: track.key });
      update();
    },
  };
}
