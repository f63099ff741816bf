// The panel that separates a song.

const PART_BYTES = 4_000_000; // of an upload, in one message

// A field that may be left empty, which means the model's own value.
function bindOptional(widget, trait, field) {
  widget.cleanup(bind(widget.model, trait, field, {
    toControl: (value) => (value === null || value === undefined ? "" : String(value)),
    toTrait: (text) => {
      if (text.trim() === "") return null;
      const number = Number(text);
      if (Number.isFinite(number)) return number;
      widget.fail(`${trait} must be a number, or empty for the model's own, got ${text}`);
      return widget.get(trait) ?? null;
    },
  }));
}

// In parts, of which one at a time is read.
async function uploadFile(widget, file, onProgress) {
  const parts = Math.max(1, Math.ceil(file.size / PART_BYTES));
  for (let part = 0; part < parts && !widget.isClosed; part++) {
    onProgress(parts > 1 ? `part ${part + 1} of ${parts} …` : "");
    const piece = await file.slice(part * PART_BYTES, (part + 1) * PART_BYTES).arrayBuffer();
    widget.send({ do: "upload", name: file.name, part, parts }, [piece]);
  }
}

function makeCode(widget, name, trait) {
  const text = element("pre", { tabindex: "0", "aria-label": name });
  const copy = copyButton(text, { name: `copy ${name}` });
  widget.onChange(trait, () => { text.textContent = widget.get(trait); copy.reset(); });
  return element("div", { class: "wb-panel-code" }, text, copy.node);
}

function render({ model, el }) {
  const widget = openWidget(model, el);
  const listed = select({ label: "song in folder" });
  const song = textField({ label: "path of song", placeholder: "song.flac" });
  const file = element("input", { type: "file", accept: "audio/*,video/mp4,.flac,.ogg,.opus,.m4a", "aria-label": "upload a song" });
  const uploaded = element("span", { class: "wb-soft", role: "status", hidden: true });
  const upload = element("label", { class: "wb-control" }, "upload", file, uploaded);
  const tellUpload = (words) => { uploaded.textContent = words; uploaded.hidden = !words; };
  const chosen = select({ label: "model" });
  chosen.node.classList.add("wb-panel-wide"); // names with what the models do
  const words = element("div", { class: "wb-soft wb-panel-wide" });
  const checkpoint = textField({ label: "checkpoint", placeholder: "path of weights, if the model has any" });
  const device = select({ label: "device" });
  const precision = select({ label: "precision" });
  const chunk = textField({ label: "chunk (s)", placeholder: "the model's own" });
  const overlap = textField({ label: "overlap (0 to 1)", placeholder: "the model's own" });
  const windowName = textField({ label: "window", placeholder: "the model's own" });
  const batch = textField({ label: "chunks at a time", placeholder: "1 on a CPU, 4 on a GPU" });
  const fields = [listed, song, chosen, checkpoint, device, precision, chunk, overlap, windowName, batch];

  widget.onChange(["files", "song"], () => {
    const files = widget.get("files");
    listed.setOptions([["", files.length ? "choose …" : "no audio files here"], ...files.map((path) => [path, path.split(/[\\/]/).pop()])]);
    listed.value = files.includes(widget.get("song")) ? widget.get("song") : "";
  });
  widget.cleanup(listed.onInput((path) => { if (path) widget.set("song", path); }));
  widget.bind("song", song);
  widget.onChange("models", () => { chosen.setOptions(widget.get("models")); chosen.value = widget.get("model"); });
  widget.bind("model", chosen);
  widget.onChange("model_words", () => { words.textContent = widget.get("model_words"); });
  widget.bind("checkpoint", checkpoint);
  widget.onChange("devices", () => { device.setOptions(widget.get("devices")); device.value = widget.get("device"); });
  widget.bind("device", device);
  widget.onChange("precisions", () => { precision.setOptions(widget.get("precisions")); });
  widget.bind("precision", precision);
  bindOptional(widget, "chunk_seconds", chunk);
  bindOptional(widget, "overlap", overlap);
  widget.bind("window", windowName);
  bindOptional(widget, "batch_size", batch);
  let isUploading = false;
  widget.listen(file, "change", async () => {
    if (!file.files[0]) return;
    isUploading = true;
    showRunning();
    try {
      await uploadFile(widget, file.files[0], tellUpload);
    } catch (error) {
      widget.fail(error);
    }
    isUploading = false;
    tellUpload("");
    file.value = ""; // so that the same file can be taken again
    showRunning();
  });

  const run = button("Separate", () => widget.send({ do: "run" }));
  const cancel = button("Cancel", () => widget.send({ do: "cancel" }));
  const refresh = button("Look again", () => widget.send({ do: "refresh" }), { title: "which files, models and devices there are" });
  const bar = element("progress", { max: "1", value: "0", "aria-label": "progress" });
  const status = element("span", { role: "status" });
  const memory = element("span", { class: "wb-soft" });
  const steps = element("ol", { class: "wb-panel-steps", "aria-label": "steps" });
  function showRunning() {
    const running = widget.get("running"), why = running ? "a run is under way" : "";
    const focused = document.activeElement;
    block(run, why || (isUploading ? "a file is being uploaded" : ""));
    block(cancel, running ? "" : "nothing runs");
    for (const field of fields) block(field, why);
    block(file, why || (isUploading ? "a file is being uploaded" : ""));
    if (running && focused === run) cancel.focus();
    if (!running && focused === cancel) run.focus();
  }
  widget.onChange("running", showRunning);
  widget.onChange("done", () => { bar.value = widget.get("done"); });
  widget.onChange("status", () => { status.textContent = widget.get("status"); });
  widget.onChange("memory", () => { memory.textContent = widget.get("memory"); });
  widget.onChange("steps", () => {
    steps.replaceChildren(...widget.get("steps").map(([name, state, seconds]) => element("li", { "data-state": state },
      state === "done" ? `${name} ${formatValue(seconds, "s")}` : `${name} …`)));
  });

  widget.body.append(
    element("div", { class: "wb-panel-grid" }, listed.node, song.node, upload, chosen.node, words, checkpoint.node,
      device.node, precision.node, chunk.node, overlap.node, windowName.node, batch.node),
    toolbar(run, cancel, refresh),
    element("div", { class: "wb-panel-progress" }, bar, status, memory),
    steps,
    makeCode(widget, "the same in Python", "python_code"),
    makeCode(widget, "the same on the command line", "command"));
  return widget.close;
}
export default { render };
