// What the tests ask of the page: pixels of the demo's canvases, colours of its text.
window.readPixel = (x, y) => {
  const { frame, canvas } = demo.axes, r = frame.ratio;
  const place = [Math.floor(frame.toX(x) * r), Math.floor(frame.toY(y) * r)];
  return [...canvas.getContext("2d").getImageData(...place, 1, 1).data].slice(0, 3);
};

// How much of each lane's height its own colour fills, near the end of the song.
window.measureLanes = (colors) => {
  const { frame, canvas } = demo.waves, r = frame.ratio;
  const left = Math.floor((frame.left + 0.95 * frame.width) * r), height = Math.floor(frame.height * r);
  const { data } = canvas.getContext("2d").getImageData(left, Math.floor(frame.top * r), 1, height);
  const counts = colors.map(() => 0);
  for (let pixel = 0; pixel < height; pixel++) {
    const lane = colors.indexOf([...data.slice(4 * pixel, 4 * pixel + 3)].join());
    if (lane >= 0) counts[lane]++;
  }
  return counts.map((count) => count / (height / colors.length));
};

// Pixels with ink on each border of a canvas.
window.countBorderInk = (canvas) => {
  const { width, height } = canvas, context = canvas.getContext("2d");
  const borders = [[0, 0, width, 1], [0, height - 1, width, 1], [0, 0, 1, height], [width - 1, 0, 1, height]];
  return borders.map((box) => context.getImageData(...box).data.filter((value, index) => index % 4 === 3 && value > 0).length);
};

// Contrast of text with what is behind it, by the formula of WCAG 2, for each element that has text.
window.measureContrasts = (selector) => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const toPixel = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  };
  const over = (top, under) => under.map((value, part) => top[part] * top[3] / 255 + value * (1 - top[3] / 255));
  const luminance = (color) => {
    const linear = color.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  return [...document.querySelectorAll(selector)].filter((node) => node.textContent.trim()).map((node) => {
    let behind = [255, 255, 255];
    const chain = [];
    for (let at = node; at; at = at.parentElement) chain.unshift(at);
    for (const at of chain) behind = over(toPixel(getComputedStyle(at).backgroundColor), behind);
    const [low, high] = [luminance(over(toPixel(getComputedStyle(node).color), behind)), luminance(behind)].sort((a, b) => a - b);
    return [(high + 0.05) / (low + 0.05), node.textContent];
  });
};
