// The frame around what axes show: ticks, labels with units, the bar of colours.

function drawFrame(context, frame, { xAxis, yAxis, bar }) {
  const { left, top, width, height, colors } = frame;
  context.font = frame.font;
  context.strokeStyle = colors.line;
  context.fillStyle = colors.text;
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  if (xAxis) {
    const { values, step } = chooseTicks(frame.x, "linear", Math.max(2, Math.floor(width / 80)));
    context.textBaseline = "top";
    for (const value of values) {
      const words = formatTick(value, xAxis.unit, step), half = context.measureText(words).width / 2;
      const at = frame.toX(value);
      drawLine(context, at, top + height, at, top + height + 4);
      context.textAlign = "left"; // kept within the canvas at both ends
      context.fillText(words, clamp(at - half, 2, frame.fullWidth - 2 * half - 2), top + height + 6);
    }
    context.textAlign = "center";
    context.fillText(withUnit(xAxis), left + width / 2, top + height + 22);
  }
  if (yAxis && yAxis.ticks !== false) {
    const { values, step } = chooseTicks(frame.y, frame.yScale, Math.max(2, Math.floor(height / 32)));
    context.textAlign = "right";
    for (const value of values) {
      const at = frame.toY(value);
      drawLine(context, left - 4, at, left, at);
      context.textBaseline = "middle";
      context.fillText(formatTick(value, yAxis.unit, step), left - 7, clamp(at, 8, frame.fullHeight - 8));
    }
  }
  if (yAxis?.label) drawUpright(context, withUnit(yAxis), 10, top + height / 2, height + 8);
  if (bar && bar !== "room") drawBar(context, frame, bar);
}

const withUnit = ({ label, unit }) => (unit ? `${label} (${unit})` : label ?? "");

function drawLine(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function drawUpright(context, words, x, y, room) {
  context.save();
  context.translate(x, y);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(words, 0, 0, room);
  context.restore();
}

// The colours of an image and what they stand for, on the right.
function drawBar(context, frame, image) {
  const { top, height, colors } = frame;
  const left = frame.left + frame.width + 12, wide = 12;
  const [low, high] = image.shown;
  const strips = 64;
  for (let strip = 0; strip < strips; strip++) {
    context.fillStyle = image.colorAt(1 - (strip + 0.5) / strips);
    context.fillRect(left, top + strip * height / strips, wide, height / strips + (strip < strips - 1 ? 1 : 0));
  }
  context.strokeRect(left + 0.5, top + 0.5, wide - 1, height - 1);
  context.fillStyle = colors.text;
  context.textAlign = "left";
  context.textBaseline = "middle";
  const { values, step } = chooseTicks([low, high], "linear", Math.max(2, Math.floor(height / 36)));
  for (const value of values) {
    const at = top + height * (1 - (value - low) / (high - low));
    drawLine(context, left + wide, at, left + wide + 3, at);
    context.fillText(formatValue(value, "", step), left + wide + 5, clamp(at, 8, frame.fullHeight - 8));
  }
  drawUpright(context, withUnit({ label: image.label, unit: image.unit }), frame.fullWidth - 8, top + height / 2, height + 8);
}
