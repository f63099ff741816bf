// A widget's module in this page, on a stand-in for the model that Jupyter gives it; window.wb is the test's handle.
async ([source, style, plain, binary]) => {
  const decode = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const encode = (data) => {
    const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  };
  const decodeAll = (given) => Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, Array.isArray(value) ? value.map(decode) : decode(value)]));
  const isBinary = (value) => value instanceof DataView || (Array.isArray(value) && value[0] instanceof DataView);
  const same = (a, b) => a === b || (!isBinary(a) && !isBinary(b) && JSON.stringify(a) === JSON.stringify(b));

  const state = { ...plain, ...decodeAll(binary) };
  const handlers = new Map(), changed = new Set(), outbox = [];
  const emit = (event, ...given) => { for (const run of [...(handlers.get(event) ?? [])]) run(...given); };
  const model = {
    get: (name) => state[name],
    set: (name, value) => {
      if (same(state[name], value)) return;
      state[name] = value;
      changed.add(name);
      emit(`change:${name}`);
    },
    on: (events, run) => { for (const event of events.split(" ")) handlers.set(event, [...(handlers.get(event) ?? []), run]); },
    off: (event, run) => { handlers.set(event, (handlers.get(event) ?? []).filter((other) => other !== run)); },
    send: (content, callbacks, buffers) => { outbox.push({ content, buffers: (buffers ?? []).map(encode) }); },
    save_changes: () => {
      if (!changed.size) return;
      const message = { plain: {}, binary: {} };
      for (const name of changed) {
        const value = state[name];
        if (value instanceof DataView) message.binary[name] = encode(value);
        else message.plain[name] = value;
      }
      changed.clear();
      window.wb.saves++;
      outbox.push(message);
    },
  };

  const sheet = document.createElement("style");
  sheet.textContent = style;
  document.head.append(sheet);
  const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const definition = typeof module.default === "function" ? await module.default() : module.default;
  await definition.initialize?.({ model });
  const addView = async () => {
    const el = document.createElement("div");
    document.querySelector("main").append(el);
    return definition.render({ model, el });
  };
  const give = (plain, binary) => {
    const given = { ...plain, ...decodeAll(binary) }, before = { ...state };
    Object.assign(state, given);
    for (const name of Object.keys(given)) if (!same(before[name], state[name])) emit(`change:${name}`);
  };
  const hear = (content, buffers) => emit("msg:custom", content, buffers.map(decode));
  window.wb = { model, handlers, saves: 0, addView, closers: [], take: () => outbox.splice(0), give, hear };
  window.wb.closers.push(await addView());
}
