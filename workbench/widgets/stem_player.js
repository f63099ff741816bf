// All stems of a song on one clock, with their lanes.
const REPORT_MILLISECONDS = 250;
const MOST_REPORTS = 4; // of the last second: they may come back late; what Python read before that, it may seek to
const livePlayers = (globalThis[Symbol.for("workbench.stem_player.views")] ??= new Set());

function render({ model, el }) {
  const widget = openWidget(model, el);
  const { get, set } = widget;
  const id = makeId();
  const duration = get("duration_seconds"), sides = get("sides");
  const view = new View({ x: [0, duration], y: [Math.min(30, get("sample_rate") / 16), get("sample_rate") / 2], yScale: "log" });
  const reports = [];
  let context = null, sound = null, isFetching = false, requests = 0, strips = [], isClosed = false;

  const getSide = () => sides.find((side) => side.letter === get("side")) ?? sides[0];
  const getLoop = () => (get("loop_seconds").length === 2 ? get("loop_seconds") : null);
  const isMine = () => get("playing") && get("playing_view") === id;
  const getPosition = () => (sound?.run ? sound.position : get("current_seconds"));
  const report = (seconds) => {
    reports.push(seconds);
    if (reports.length > MOST_REPORTS) reports.shift();
    set("current_seconds", seconds);
  };
  const play = () => { set("playing_view", id); set("playing", true); follow(); };
  const pause = () => set("playing", false);
  const stop = () => { pause(); seek(0); };
  const seek = (seconds) => set("current_seconds", clamp(seconds, 0, duration));
  const setLoop = (from, to) => {
    const [low, high] = [from, to].map((end) => clamp(end, 0, duration)).sort((a, b) => a - b);
    if (high - low >= Math.min(0.01, duration)) set("loop_seconds", [low, high]);
  };

  const playButton = button("▶ Play", () => (isMine() ? pause() : play()));
  const clock = element("span", { class: "wb-clock", role: "timer" });
  const progress = element("span", { class: "wb-soft", role: "status" });
  const loopText = element("span", { class: "wb-soft" });
  const master = slider({ label: "volume", min: -60, max: 12, step: 0.5, unit: "dB" });
  const masterMeter = makeMeter();
  const nullTest = toggle("Null test", { title: "hear the mixture minus its stems: silence, if they add up to it" });
  const nullText = element("div", { class: "wb-soft", role: "status" });
  const sideButtons = sides.map(({ letter, title }) => {
    const words = title ? `${letter}: ${title}` : letter;
    const made = toggle(words, { title: `hear and show separation ${words}` });
    made.onInput(() => { set("side", letter); made.value = true; });
    return made;
  });
  const stem = select({ label: "spectrogram of" });
  stem.input.setAttribute("aria-label", "spectrogram of");
  const range = slider({ label: "range", min: 20, max: 120, step: 5, unit: "dB" });
  const stripsNode = element("div", { class: "wb-strips" });
  const loopEnd = button("Loop to here", () => setLoop(getLoop()?.[0] ?? 0, getPosition()));
  const loopNone = button("No loop", () => set("loop_seconds", []));
  const loopStart = button("Loop from here", () => {
    const from = getPosition(), to = getLoop()?.[1] ?? duration;
    setLoop(from, to > from ? to : duration);
  });
  const lanesAxes = new Axes(widget, { view, height: 0, name: "Waveforms", y: { label: "amplitude", range: [0, 1], ticks: false } });
  const lanes = lanesAxes.add(new Lanes({ lanes: [], step: get("block_seconds") }));
  const spectrum = makeSpectrum(widget, view, { id, onShow: (isShown) => { lanesAxes.bar = isShown ? "room" : null; lanesAxes.repaint(); } });
  const allAxes = [lanesAxes, spectrum.axes];
  for (const axes of allAxes) {
    axes.addOverlay(makePlayhead({ position: getPosition, loop: getLoop, isOnPicture: axes !== lanesAxes }));
    addTransport(widget, axes, { duration, seek, position: getPosition, setLoop });
  }
  const hint = element("span", { class: "wb-soft" }, "click: seek; Shift and drag: loop; space: play or pause");
  const tools = toolbar(stem.node, range.node, viewToolbar(view), hint);
  widget.body.append(
    toolbar(
      group("playing", playButton, button("■ Stop", stop), clock),
      group("loop", loopStart, loopEnd, loopNone, loopText), progress),
    toolbar(
      sides.length > 1 ? group("separation to hear", ...sideButtons.map((made) => made.node)) : null, nullTest.node,
      group("volume", master.node, masterMeter.node), nullText),
    element("div", { class: "wb-player" }, stripsNode, lanesAxes.node, tools, spectrum.node));

  const showClock = () => {
    const seconds = getPosition();
    clock.textContent = `${seconds.toFixed(2)} s of ${duration.toFixed(2)} s`;
    for (const axes of allAxes) axes.repaintOverlay();
  };
  const showGains = () => {
    const given = { tracks: getSide().tracks, mute: get("mute"), solo: get("solo"), gainsDb: get("gains_db"), isNullTest: get("null_test") };
    const gains = chooseGains(given);
    sound?.setGains(gains, toAmplitude(get("master_db")));
    for (const strip of strips) strip.update();
    getSide().tracks.forEach(({ key }, index) => { if (lanes.lanes[index]) lanes.lanes[index].dimmed = !gains.get(key); });
    lanes.changed();
  };
  const showSide = () => {
    const { tracks } = getSide();
    strips = tracks.map((track) => makeStrip(widget, track));
    stripsNode.replaceChildren(...strips.map((strip) => strip.node));
    lanesAxes.host.style.height = `${8 + LANE_HEIGHT * tracks.length + 40}px`; // as Axes.measure has it above and below
    lanes.setLanes({ lanes: tracks.map(({ key, color }) => ({ name: "", color, data: asInt16(get("peaks")[key]) })) });
    for (const [index, made] of sideButtons.entries()) made.value = sides[index].letter === get("side");
    const canSubtract = ["mixture", "stem"].every((role) => tracks.some((track) => track.role === role));
    block(nullTest, canSubtract ? "" : "needs the mixture and its stems");
    stem.setOptions([["", "none"], ...tracks.map(({ name }) => name)]);
    showGains();
    showSpectrum();
  };
  const showSpectrum = () => {
    stem.value = get("spectrogram_stem");
    const track = getSide().tracks.find(({ name }) => name === get("spectrogram_stem"));
    block(range, track ? "" : "no spectrogram is shown");
    spectrum.show(track);
  };

  let timer = null, frame = null, suspension = null;
  const paint = () => {
    if (!sound?.run) return;
    frame = requestAnimationFrame(paint);
    for (const { track, meter } of strips) meter.show(sound.peak(track.key));
    masterMeter.show(sound.peak());
    const seconds = sound.position, [from, to] = view.x;
    if (seconds > to && seconds - to < 0.2 * (to - from) + 0.1 && to < duration) view.set({ x: [seconds, seconds + to - from] });
    showClock();
  };
  const run = (from) => {
    sound.play(from < duration - 0.001 || getLoop() ? from : 0, getLoop());
    clearInterval(timer);
    cancelAnimationFrame(frame);
    timer = setInterval(() => {
      const isOver = sound.isOver;
      report(sound.position);
      if (isOver) pause();
    }, REPORT_MILLISECONDS);
    paint();
  };
  const halt = () => {
    clearInterval(timer);
    if (!sound?.run) return;
    report(sound.position);
    sound.stop();
    suspension = setTimeout(() => { if (!isClosed) context.suspend(); }, 100); // after the fade
    for (const { meter } of strips) meter.show(0);
    masterMeter.show(0);
  };
  const load = async () => {
    isFetching = true;
    progress.textContent = "waiting for the kernel …";
    const count = new Set(sides.flatMap((side) => side.tracks.map((track) => track.key))).size;
    const onProgress = (done) => { progress.textContent = done < count ? `sound of ${done} of ${count} tracks …` : ""; };
    try {
      const { buffers, boost } = await fetchSound(widget, context, { request: `${id} ${++requests}`, count, onProgress });
      if (isClosed) return;
      sound = new StemSound(context, buffers, { boost });
      widget.root.__player.sound = sound;
      showGains();
    } catch (error) {
      if (isClosed) return; // with its context, in which nothing can be decoded any more
      progress.textContent = "";
      pause();
      widget.fail(error);
    } finally {
      isFetching = false;
    }
  };
  const start = async () => {
    context ??= openContext(get("sample_rate"));
    widget.root.__player.context = context;
    clearTimeout(suspension); // of a pause just before, which would come in between and leave silence
    const resumed = context.resume(); // within the click, or the browser plays nothing
    if (!sound && !isFetching) await load();
    const isBlocked = await Promise.race([resumed, new Promise((done) => setTimeout(done, 1000, "blocked"))]) === "blocked";
    if (isClosed || !isMine() || !sound || sound.run) return;
    if (isBlocked && context.state !== "running") {
      pause();
      return widget.fail("the browser plays no sound before a click on the page: press Play");
    }
    run(get("current_seconds"));
  };
  function follow() {
    if (get("playing") && !livePlayers.has(get("playing_view"))) set("playing_view", id); // started from Python
    playButton.textContent = isMine() ? "❚❚ Pause" : "▶ Play";
    if (isMine()) start();
    else halt();
    showClock();
  }

  widget.body.classList.add("wb-stems");
  livePlayers.add(id);
  widget.root.__player = { StemSound, chooseGains, view, lanes, lanesAxes, spectrum, sound: null, context: null };
  widget.bind("master_db", master);
  widget.bind("null_test", nullTest);
  widget.bind("spectrogram_stem", stem);
  widget.bind("range_db", range);
  bindView(widget, "shown", view);
  widget.onChange("side", showSide);
  widget.onChange(["mute", "solo", "gains_db", "null_test", "master_db"], showGains, { now: false });
  widget.onChange("spectrogram_stem", showSpectrum, { now: false });
  widget.onChange("range_db", () => spectrum.setRange(get("range_db")));
  widget.onChange("null_result", () => { nullText.textContent = get("null_result"); });
  widget.onChange("current_seconds", () => {
    if (sound?.run && !reports.includes(get("current_seconds"))) run(get("current_seconds"));
    showClock();
  });
  widget.onChange("loop_seconds", () => {
    const loop = getLoop();
    block(loopNone, loop ? "" : "there is no loop");
    loopText.textContent = loop ? `${loop[0].toFixed(2)} s to ${loop[1].toFixed(2)} s` : "";
    if (sound?.run) run(sound.position);
    showClock();
  });
  widget.onChange(["playing", "playing_view"], follow, { now: false });
  widget.listen(widget.root, "keydown", (event) => {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("button, select, input:not([type=range])")) return; // which have uses for it
    event.preventDefault();
    event.stopPropagation();
    if (isMine()) pause();
    else play();
  });
  widget.cleanup(() => {
    isClosed = true;
    livePlayers.delete(id);
    if (isMine()) { pause(); set("playing_view", ""); }
    halt();
    cancelAnimationFrame(frame);
    context?.close();
  });
  if (get("playing") && get("playing_view") && !livePlayers.has(get("playing_view"))) pause(); // of a page that is gone
  else follow();
  return widget.close;
}
export default { render };
