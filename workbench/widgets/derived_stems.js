// Rules that make further stems: built from lists, drawn as a graph, measured, heard, and copied.
const LANE_PIXELS = 54;

// The form that a new rule is made with.
function makeRuleForm(widget) {
  const name = textField({ label: "name", placeholder: "instrumental" });
  name.input.setAttribute("aria-label", "name of the new stem");
  const operation = select({ label: "operation", options: [["subtract", "difference"], ["sum", "sum"]] });
  const from = select({ label: "from" }), minus = select({ label: "take off" });
  const picks = element("div", { class: "wb-group", role: "group", "aria-label": "stems to add up" });
  const difference = group("difference of", from.node, minus.node);
  let ticks = [];
  const add = () => {
    const isSum = operation.value === "sum";
    const terms = isSum ? ticks.filter((tick) => tick.value).map((tick) => tick.name) : [from.value, minus.value];
    widget.send({ add: { name: name.value, operation: operation.value, terms } });
  };
  const addButton = button("Add rule", add);
  keys(name.input, { Enter: add });
  const showOperation = () => {
    picks.hidden = operation.value !== "sum";
    difference.hidden = operation.value === "sum";
  };
  operation.onInput(showOperation);
  showOperation();
  let known = null;
  widget.onChange(["tracks"], () => {
    const names = widget.get("tracks").map((track) => track.name), ticked = new Set(ticks.filter((tick) => tick.value).map((tick) => tick.name));
    from.setOptions(names);
    minus.setOptions(names.filter((other) => other !== "mixture"));
    ticks = names.map((other) => Object.assign(checkbox({ label: other }), { name: other }));
    for (const tick of ticks) tick.value = ticked.has(tick.name);
    picks.replaceChildren(...ticks.map((tick) => tick.node));
    if (known && names.length > known.length && names.includes(name.value.trim())) { // it was added
      name.value = "";
      for (const tick of ticks) tick.value = false;
    }
    known = names;
  });
  return element("div", { class: "wb-toolbar", role: "group", "aria-label": "new rule" }, name.node, operation.node, difference, picks, addButton);
}

// The rules in order, with what moves them, takes them away and plays them. Buttons that are made anew keep the focus.
function makeRuleList(widget, hear) {
  const list = element("ol", { class: "wb-rules", "aria-label": "rules, in order" });
  widget.onChange("tracks", () => {
    const rules = widget.get("parsed"), left = new Map(widget.get("tracks").map((track) => [track.name, track.left]));
    const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    list.replaceChildren(...rules.map(({ name, operation, terms }, index) => {
      const move = (sign, by, word) => {
        const made = button(sign, () => widget.send({ move: index, by }), { name: `move ${name} ${word}` });
        made.disabled = !rules[index + by];
        return made;
      };
      return element("li", {},
        element("div", { class: "wb-rule" },
          element("span", { class: "wb-rule-line" }, `${name} = ${terms.join(operation === "subtract" ? " − " : " + ")}`),
          element("span", { class: "wb-group" },
            button("Hear", () => hear(name), { name: `hear ${name}` }),
            move("▲", -1, "up"), move("▼", 1, "down"),
            button("Remove", () => widget.send({ remove: index }), { name: `remove ${name}` }))),
        element("div", { class: "wb-soft" }, left.get(name) ?? ""));
    }));
    if (!rules.length) list.replaceChildren(element("li", { class: "wb-soft wb-none" }, "No rules yet: name a stem above and add one."));
    if (focused) {
      const buttons = [...list.querySelectorAll("button")].filter((node) => !node.disabled);
      (buttons.find((node) => node.getAttribute("aria-label") === focused) ?? buttons[0])?.focus();
    }
  });
  return list;
}

// The mixture minus the ticked stems, as a bar from -150 to 0 dB of the mixture, and in words.
function makeMeterPanel(widget) {
  const bar = element("i");
  const meter = element("div", {
    class: "wb-residual", role: "meter", "aria-label": "additivity: what is left of the mixture", "aria-valuemin": "-150", "aria-valuemax": "0",
  }, bar);
  const scale = element("div", { class: "wb-residual-scale wb-soft", "aria-hidden": "true" },
    ...["−150", "−100", "−50", "0 dB of the mixture"].map((text) => element("span", {}, text)));
  const words = element("div", { role: "status" });
  const picks = element("div", { class: "wb-group", role: "group", "aria-label": "stems taken off the mixture" });
  let shownNames = null, ticks = [];
  widget.onChange(["tracks", "chosen"], () => {
    const names = widget.get("tracks").slice(1).map((track) => track.name);
    if (String(names) !== shownNames) {
      shownNames = String(names);
      ticks = names.map((name) => Object.assign(checkbox({ label: name }), { name }));
      for (const tick of ticks) tick.onInput(() => widget.set("chosen", ticks.filter((one) => one.value).map((one) => one.name)));
      picks.replaceChildren(...ticks.map((tick) => tick.node));
    }
    for (const tick of ticks) tick.value = widget.get("chosen").includes(tick.name);
  });
  widget.onChange("residual", () => {
    const { words: text, part } = widget.get("residual");
    words.textContent = text;
    bar.style.width = `${100 * part}%`;
    meter.setAttribute("aria-valuenow", String(Math.round(150 * (part - 1))));
    meter.setAttribute("aria-valuetext", text);
  });
  return element("div", { class: "wb-panel" }, element("h5", {}, "Additivity: the mixture minus"), picks, meter, scale, words);
}

// One sound at a time, with the browser's own controls.
function makeSound(widget, onTime) {
  const id = makeId();
  const title = element("span", { class: "wb-soft", role: "status" }, "Press one to hear it.");
  const audio = element("audio", { controls: true, "aria-label": "player of one stem", hidden: true });
  let asked = null, address = null, frame = null;
  const hear = (name) => {
    asked = name;
    title.textContent = `fetching ${name} …`;
    widget.send({ hear: name, request: id });
  };
  widget.onMessage((content, buffers) => {
    if (content.request === id && content.failed) { title.textContent = "Press one to hear it."; return; } // the message bar says why
    if (content.request !== id || content.sound !== asked) return;
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([asBytes(buffers[0])], { type: "audio/flac" }));
    const at = audio.hidden ? 0 : audio.currentTime; // so that one can switch between stems in the middle
    audio.hidden = false;
    audio.src = address;
    audio.addEventListener("loadedmetadata", () => { audio.currentTime = at < audio.duration - 0.05 ? at : 0; }, { once: true });
    title.textContent = asked;
    title.className = "wb-heard";
    audio.play().catch((error) => { if (error.name !== "AbortError") widget.fail(`the browser did not play ${content.sound}: ${error.message}`); });
  });
  const follow = () => { onTime(); frame = audio.paused ? null : requestAnimationFrame(follow); };
  widget.listen(audio, "play", follow);
  widget.listen(audio, "seeked", onTime);
  widget.listen(audio, "error", () => { if (audio.error) widget.fail(`the browser cannot play this sound: ${audio.error.message}`); });
  widget.cleanup(() => { audio.pause(); cancelAnimationFrame(frame); if (address) URL.revokeObjectURL(address); });
  return { hear, audio, node: element("div", { class: "wb-toolbar" }, audio, title), get seconds() { return audio.hidden ? null : audio.currentTime; } };
}

function makeLanesPanel(widget, sound) {
  const view = new View({ x: [0, widget.get("duration_seconds")] });
  const axes = new Axes(widget, {
    view, height: 100, name: "Waveforms of the stems", y: { label: "stem", range: [0, 1], ticks: false },
    onClick: (point) => { if (!sound.audio.hidden) { sound.audio.currentTime = point.x; axes.repaintOverlay(); } },
  });
  const lanes = axes.add(new Lanes({ lanes: [], step: widget.get("block_seconds") }));
  axes.addOverlay({
    draw(context, frame) {
      if (sound.seconds === null) return;
      context.fillStyle = frame.colors.accent;
      context.fillRect(frame.toX(sound.seconds) - 1, frame.top, 2, frame.height);
    },
  });
  const hears = element("div", { class: "wb-group", role: "group", "aria-label": "hear" });
  widget.onChange(["tracks", "derived_peaks", "stem_peaks"], () => {
    const tracks = widget.get("tracks"), peaks = [...widget.get("stem_peaks"), ...widget.get("derived_peaks")];
    if (tracks.length !== peaks.length) return; // the rest is on its way
    axes.host.style.height = `${48 + LANE_PIXELS * tracks.length}px`;
    lanes.setLanes({ lanes: tracks.map(({ name, color, level }, index) => ({ name: `${name}, ${level}`, color, data: asInt16(peaks[index]) })) });
  });
  let names = null;
  widget.onChange("tracks", () => {
    const next = widget.get("tracks").map((track) => track.name);
    if (String(next) === names) return;
    names = String(next);
    hears.replaceChildren("hear", ...next.map((name) => button(name, () => sound.hear(name), { title: `hear ${name}` })));
  });
  bindView(widget, "shown", view);
  const node = element("div", {}, toolbar(hears), sound.node, viewToolbar(view), axes.node);
  return { node, repaint: () => axes.repaintOverlay(), lanes };
}

// The rules as text, in three forms.
function makeCopyPanel(widget) {
  const forms = [["config", "config file (YAML)"], ["python", "Python"], ["command", "command line"]];
  const panels = forms.map(([key, words]) => {
    const area = element("textarea", { readonly: true, spellcheck: "false", rows: 2 });
    const copy = copyButton(area, { name: `copy the ${words}` });
    widget.onChange("texts", () => {
      area.value = widget.get("texts")[key] ?? "";
      area.rows = Math.max(2, Math.min(14, area.value.split("\n").length));
      copy.reset();
    });
    return element("div", { class: "wb-copy" }, element("label", {}, words, area), copy.node);
  });
  return element("div", { class: "wb-panel" }, element("h5", {}, "Copy the rules"), element("div", { class: "wb-copies" }, ...panels));
}

function render({ model, el }) {
  const widget = openWidget(model, el);
  let lanes = null;
  const sound = makeSound(widget, () => lanes?.repaint());
  const form = makeRuleForm(widget), list = makeRuleList(widget, sound.hear);
  const graph = element("div", { class: "wb-graph-room" });
  const notice = element("p", { class: "wb-soft" });
  widget.onChange("notice", () => { notice.textContent = widget.get("notice"); notice.hidden = !widget.get("notice"); });
  widget.onChange("tracks", () => graph.replaceChildren(drawGraph(widget.get("tracks"), widget.get("parsed"))));
  lanes = makeLanesPanel(widget, sound);
  widget.body.classList.add("wb-derived");
  widget.body.append(notice,
    element("div", { class: "wb-derived-halves" },
      element("div", { class: "wb-panel" }, element("h5", {}, "Rules"), form, list),
      element("div", { class: "wb-panel" }, element("h5", {}, "Graph"), graph)),
    makeMeterPanel(widget), lanes.node, makeCopyPanel(widget));
  widget.root.__derived = { sound, lanes: lanes.lanes };
  return widget.close;
}
export default { render };
