// Short sounds from the kernel, one at a time, asked for when they are played.
// new ClipSound(widget, { rate(), onChange }): toggle(track) plays it or stops it; `track` is what is asked or playing.
class ClipSound {
  constructor(widget, { rate, onChange }) {
    Object.assign(this, { widget, rate, onChange, track: "", source: null, context: null, count: 0, id: makeId() });
    widget.onMessage((content, buffers) => this.#take(content, buffers));
    widget.cleanup(() => { this.stop(); this.context?.close(); });
  }

  toggle(track) {
    const isOn = this.track === track;
    this.stop();
    if (isOn) return;
    if (this.context && this.context.wbRate !== this.rate()) { this.context.close(); this.context = null; }
    this.context ??= Object.assign(openContext(this.rate()), { wbRate: this.rate() });
    this.context.resume(); // within the click, or the browser plays nothing
    this.track = track;
    this.widget.send({ ask: "sound", track, request: `${this.id} ${++this.count}` });
    this.onChange();
  }

  stop() {
    this.count++; // what is still on its way is not played any more
    this.source?.stop();
    this.source = null;
    this.track = "";
    if (!this.widget.isClosed) this.onChange();
  }

  // Seconds of the clip that were heard, or null where nothing plays.
  get position() { return this.source ? Math.max(0, this.context.currentTime - this.startedAt) : null; }

  async #take(content, buffers) {
    if (content.request !== `${this.id} ${this.count}`) return;
    if (content.failed) return this.stop();
    try {
      const buffer = await decodeSound(this.context, buffers[0]);
      if (this.widget.isClosed || content.request !== `${this.id} ${this.count}`) return;
      const source = this.source = new AudioBufferSourceNode(this.context, { buffer });
      source.connect(this.context.destination);
      source.onended = () => { if (this.source === source) this.stop(); };
      this.startedAt = this.context.currentTime;
      source.start();
      this.onChange();
    } catch (error) {
      this.stop();
      this.widget.fail(error);
    }
  }
}

// Buttons for clips: tracks is { key: words }. show(available) hides what there is not.
function makeClipButtons(clip, tracks) {
  const buttons = Object.entries(tracks).map(([key, words]) => {
    const node = button(words, () => clip.toggle(key), { name: `Play ${words}` });
    return { key, words, node };
  });
  return {
    node: group("listen", element("span", { class: "wb-soft" }, "listen to"), ...buttons.map(({ node }) => node)),
    show(available) {
      for (const { key, words, node } of buttons) {
        const isOn = clip.track === key;
        node.hidden = !available.includes(key);
        node.textContent = isOn ? `■ ${words}` : `▶ ${words}`;
        node.setAttribute("aria-pressed", String(isOn));
      }
    },
  };
}

// A line at what is heard: an overlay for axes in the clip's own seconds, shifted by offset().
const makeClipLine = (clip, offset = () => 0) => ({
  draw(context, frame) {
    if (clip.position === null) return;
    context.fillStyle = frame.colors.highlight;
    context.fillRect(frame.toX(clip.position + offset()) - 1, frame.top, 2, frame.height);
  },
});
