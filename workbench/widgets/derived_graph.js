// Rules as a graph: stems on the left, and to the right of what it uses each rule with the stem that it makes.
const BOX = { width: 158, height: 30 }, PITCH = { x: 262, y: 40 }, SLOT = 15; // in CSS pixels

function shape(tag, props, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// tracks: [{ name, role, color }]; rules: [{ name, operation, terms }]. Where each box and each rule's sign box lies.
function placeGraph(tracks, rules) {
  const places = new Map(), separated = tracks.filter(({ role }) => role !== "derived");
  separated.forEach(({ name }, index) => places.set(name, { column: 0, x: 1, y: (index + 0.5) * PITCH.y }));
  let height = 0, columns = 1; // derived stems have a row each, whatever their column, so that lines pass below boxes
  const signs = rules.map(({ name, operation, terms }) => {
    const column = 1 + Math.max(...terms.map((term) => places.get(term)?.column ?? 0));
    const room = Math.max(PITCH.y, SLOT * terms.length + 14);
    const y = height + room / 2, x = 1 + column * PITCH.x;
    height += room;
    columns = Math.max(columns, column + 1);
    places.set(name, { column, x, y });
    const slots = terms.map((term, index) => ({
      term, sign: operation === "subtract" && index ? "−" : "+", y: y + (index - (terms.length - 1) / 2) * SLOT,
    }));
    return { name, x: x - 46, y, slots };
  });
  return { places, signs, width: (columns - 1) * PITCH.x + BOX.width + 2, height: Math.max(height, separated.length * PITCH.y) };
}

function drawGraph(tracks, rules) {
  const { places, signs, width, height } = placeGraph(tracks, rules);
  const words = rules.map(({ name, operation, terms }) => `${name} is ${terms.join(operation === "subtract" ? " minus " : " plus ")}`);
  const graph = shape("svg", {
    class: "wb-graph", role: "img", viewBox: `0 0 ${width} ${height}`, width, height,
    "aria-label": `Graph of the rules: ${words.join("; ") || "none"}`,
  });
  for (const { name, x, y, slots } of signs) {
    const target = places.get(name);
    for (const slot of slots) {
      const from = places.get(slot.term);
      if (!from) continue;
      const start = from.x + BOX.width, bend = Math.max(24, (x - start) / 2);
      graph.append(shape("path", {
        class: slot.sign === "+" ? "wb-edge" : "wb-edge wb-edge-minus", "data-from": slot.term, "data-to": name,
        d: `M ${start} ${from.y} C ${start + bend} ${from.y}, ${x - bend} ${slot.y}, ${x} ${slot.y}`,
      }));
    }
    graph.append(shape("path", { class: "wb-edge", d: `M ${x + 22} ${y} L ${target.x} ${target.y}` }));
  }
  for (const { x, y, slots } of signs) {
    const tall = SLOT * slots.length + 6;
    graph.append(shape("rect", { class: "wb-sign", x, y: y - tall / 2, width: 22, height: tall, rx: 5 }));
    for (const slot of slots) graph.append(shape("text", { class: "wb-sign-text", x: x + 11, y: slot.y }, slot.sign));
  }
  for (const { name, color, role } of tracks) {
    const { x, y } = places.get(name);
    const short = name.length > 19 ? `${name.slice(0, 18)}…` : name;
    graph.append(shape("g", { class: `wb-node wb-node-${role}`, "data-name": name },
      shape("title", {}, name),
      shape("rect", { class: "wb-box", x, y: y - BOX.height / 2, width: BOX.width, height: BOX.height, rx: 5 }),
      shape("rect", { x: x + 7, y: y - 7, width: 7, height: 14, rx: 2, style: `fill: ${color ?? "var(--wb-text)"}` }),
      shape("text", { class: "wb-box-text", x: x + 22, y }, short)));
  }
  return graph;
}
