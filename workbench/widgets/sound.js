// Sound in the browser: where it plays, and what the kernel sent of it.

// A context at the song's rate, so that nothing is resampled; where the browser has no such rate, at its own.
function openContext(sampleRate) {
  try {
    return new AudioContext({ sampleRate });
  } catch (error) {
    if (error.name !== "NotSupportedError") throw error;
    return new AudioContext();
  }
}

// FLAC bytes as an AudioBuffer; decoding takes a copy's bytes away.
async function decodeSound(context, data, name = "this sound") {
  try {
    return await context.decodeAudioData(asBytes(data).slice().buffer);
  } catch (error) {
    throw new Error(`the browser cannot decode ${name}: ${error.message}`);
  }
}
