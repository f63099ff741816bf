// Sound: tracks that run on one clock, each with a gain, all behind a master gain.
const LEAD_SECONDS = 0.03; // the browser starts all tracks of it at one instant, if that is not yet past
const FADE_SECONDS = 0.008; // so that neither a seek nor a button clicks
const toAmplitude = (decibels) => 10 ** (decibels / 20);

// What each track is multiplied by, by key; nothing for tracks of the other side.
function chooseGains({ tracks, mute, solo, gainsDb, isNullTest }) {
  const names = tracks.map((track) => track.name);
  const soloed = solo.filter((name) => names.includes(name));
  const gains = new Map();
  for (const { key, name, role } of tracks) {
    const isHeard = soloed.length ? soloed.includes(name) : !mute.includes(name);
    if (isNullTest) gains.set(key, { mixture: 1, stem: -1 }[role] ?? 0); // a derived stem would count twice
    else gains.set(key, isHeard ? toAmplitude(gainsDb[name] ?? 0) : 0);
  }
  return gains;
}

// buffers: key -> AudioBuffer, equally long; boost makes up for the gain that they were encoded with.
class StemSound {
  constructor(context, buffers, { boost = 1 } = {}) {
    Object.assign(this, { context, boost, run: null });
    this.rate = context.sampleRate;
    this.duration = Math.max(...[...buffers.values()].map((buffer) => buffer.duration));
    this.samples = new Float32Array(1024);
    this.master = this.#addChannel(context.destination);
    this.tracks = new Map();
    for (const [key, buffer] of buffers) this.tracks.set(key, { buffer, ...this.#addChannel(this.master.gain) });
  }

  // A gain, and beside the way on a meter of what comes out of it.
  #addChannel(target) {
    const gain = new GainNode(this.context), meter = new AnalyserNode(this.context, { fftSize: this.samples.length });
    gain.connect(target);
    gain.connect(meter);
    return { gain, meter, wanted: 1 };
  }

  #onFrame(seconds) { return Math.round(seconds * this.rate) / this.rate; } // between two frames it would interpolate

  // All tracks from one place; what runs already is faded over to it. loop: [from, to] or null.
  play(from, loop = null, lead = LEAD_SECONDS) {
    const at = this.#onFrame(this.context.currentTime + lead);
    this.stop(at);
    const bounds = loop && loop.map((end) => this.#onFrame(Math.min(end, this.duration)));
    const isLooped = Boolean(bounds) && bounds[1] > bounds[0];
    const offset = this.#onFrame(isLooped && (from < bounds[0] || from >= bounds[1]) ? bounds[0] : from);
    const voices = [...this.tracks.values()].map(({ buffer, gain }) => {
      const source = new AudioBufferSourceNode(this.context, {
        buffer, loop: isLooped, loopStart: isLooped ? bounds[0] : 0, loopEnd: isLooped ? bounds[1] : 0,
      });
      const fade = new GainNode(this.context, { gain: offset > 0 ? 0 : 1 });
      if (offset > 0) fade.gain.setValueAtTime(0, at).linearRampToValueAtTime(1, at + FADE_SECONDS);
      source.connect(fade).connect(gain);
      source.start(at, offset);
      return { source, fade };
    });
    this.run = { voices, at, offset, loop: isLooped ? bounds : null };
  }

  stop(at = this.context.currentTime) {
    for (const { source, fade } of this.run?.voices ?? []) {
      fade.gain.cancelScheduledValues(at);
      fade.gain.setValueAtTime(1, at).linearRampToValueAtTime(0, at + FADE_SECONDS);
      source.stop(at + FADE_SECONDS);
      source.onended = () => fade.disconnect();
    }
    this.run = null;
  }

  get position() {
    const { at, offset, loop } = this.run;
    const reached = offset + Math.max(0, this.context.currentTime - at);
    if (!loop) return Math.min(reached, this.duration);
    return reached < loop[1] ? reached : loop[0] + (reached - loop[0]) % (loop[1] - loop[0]);
  }

  get isOver() { return this.run !== null && !this.run.loop && this.position >= this.duration; }

  setGains(gains, master) {
    for (const [key, track] of this.tracks) this.#glide(track, (gains.get(key) ?? 0) * this.boost);
    this.#glide(this.master, master);
  }

  #glide(channel, value) {
    if (channel.wanted === value) return;
    channel.wanted = value;
    const { gain } = channel.gain, now = this.context.currentTime, present = gain.value;
    gain.cancelScheduledValues(now);
    if (this.run && this.context.state === "running") gain.setValueAtTime(present, now).linearRampToValueAtTime(value, now + FADE_SECONDS);
    else gain.value = value;
  }

  // The greatest sample of late, of a track or, without a key, of all together.
  peak(key = null) {
    const { meter } = key === null ? this.master : this.tracks.get(key);
    meter.getFloatTimeDomainData(this.samples);
    return this.samples.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0);
  }
}

// Sound of all tracks from the kernel, one message a track; resolves to { buffers, boost }. onProgress(how many of them).
function fetchSound(widget, context, { request, count, onProgress }) {
  const buffers = new Map();
  let stop = null;
  const all = new Promise((resolve, reject) => {
    stop = widget.onMessage((content, data) => {
      if (content.request !== request) return;
      if (content.failed) return reject(new Error(content.failed));
      decodeSound(context, data[0], `track ${content.sound + 1}`).then((buffer) => {
        buffers.set(content.sound, buffer);
        onProgress(buffers.size);
        if (buffers.size === count) resolve({ buffers, boost: 1 / content.gain });
      }, reject);
    });
    widget.send({ ask: "sound", request });
  });
  return all.finally(stop);
}
