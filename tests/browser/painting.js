// From an event to the picture it leads to: window.painting.take() gives the milliseconds from the last event watched to
// the end of the last frame in which a canvas was drawn, null if none was. A frame ends, with its scripts, layout and
// painting done, before a task that one of its callbacks posted.
(kinds) => {
  let began = null, painted = null, isDrawn = false, isInFrame = false;
  const presented = [];
  const onEnd = () => {
    isDrawn = false;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { painted = performance.now(); };
    channel.port2.postMessage(null);
  };
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (run) => request((time) => {
    isInFrame = true;
    try { run(time); } finally { isInFrame = false; }
    if (isDrawn) onEnd();
  });
  for (const name of ["drawImage", "putImageData", "clearRect", "fillRect", "fill", "stroke", "fillText"]) {
    const draw = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...given) {
      if (this.canvas.isConnected && !isDrawn) {
        isDrawn = true;
        if (!isInFrame) window.requestAnimationFrame(() => {}); // shown with the frame to come
      }
      return draw.apply(this, given);
    };
  }
  for (const kind of kinds)
    document.addEventListener(kind, (event) => { began = event.timeStamp; painted = null; }, true);
  new PerformanceObserver((list) => presented.push(...list.getEntries())).observe({ type: "event", durationThreshold: 16 });
  window.painting = {
    isStill: (milliseconds) => performance.now() - Math.max(began, painted ?? 0) > milliseconds,
    take: () => (painted === null ? null : painted - began),
    // what the browser itself says, to the frame on the screen, in steps of 8 ms; below 16 it says nothing
    takePresented: () => presented.splice(0).filter((entry) => kinds.includes(entry.name)).map((entry) => entry.duration),
  };
}
