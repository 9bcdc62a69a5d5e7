// How numbers look: in formulas, and in pictures of arrays.
const show = (v, digits = 4) => Number.isInteger(v) && Math.abs(v) < 1e6 ? String(v) : String(+v.toPrecision(digits));
const nameOf = n => n === "da0" || n === "da1" ? "\u03b4" + n[2] : n.length > 1 && n[0] === "d" ? "\u2202C/\u2202" + n.slice(1) : n;
const labelOf = n => nameOf(n.name) + (n.index.length ? `[${n.index.join(",")}]` : "");
const RANK = {"==": 0, ">": 0, "<": 0, "+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": 3};
const most = (node, count) => {
  const kids = node.kids.filter(k => k.v !== 0 || node.op !== "sum");
  return kids.length > count ? kids.sort((a, b) => Math.abs(b.v) - Math.abs(a.v)).slice(0, count) : kids;
};
function put(node) { // [text, precedence]
  if (!node.kids.length) return [show(node.v).replace("-", "\u2212"), node.v < 0 ? 0 : 9];
  if (node.op === "same") return put(node.kids[0]);
  if (BOUND.includes(node.op)) {
    const shown = most(node, 8), parts = shown.map(put), rest = node.kids.length - shown.length;
    const zeros = rest && node.kids.every(k => k.v === 0 || shown.includes(k)) ? "zeros" : "more";
    if (node.op !== "sum") return [`${node.op}(${parts.map(p => p[0]).join(", ")}${rest ? `, ${rest} more` : ""})`, 9];
    return [[...parts.map(([p, r]) => r < 1 || p[0] === "\u2212" ? `(${p})` : p), ...(rest ? [`${rest} ${zeros}`] : [])].join(" + "), 1];
  }
  const parts = node.kids.map(put), rank = RANK[node.op];
  if (node.op === "neg") return ["\u2212" + (parts[0][1] > 1 ? parts[0][0] : `(${parts[0][0]})`), 2];
  if (rank === undefined) return [`${node.op}(${parts.map(p => p[0]).join(", ")})`, 9];
  const sign = {"*": "\u00b7", "**": "^", "==": "=", "-": "\u2212"}[node.op] ?? node.op, [[a, p], [b, q]] = parts;
  const first = p < rank || (rank === 3 && p === 3) ? `(${a})` : a;
  return [`${first} ${sign} ${q < rank || (q === rank && "-/".includes(node.op)) ? `(${b})` : b}`, rank];
}

// Pictures of arrays: images side by side, the leading indices those of the chosen number; vectors in lines.
function layout(shape, width) {
  const r = shape.length, image = r > 1 && shape[r - 1] > 1 && shape[r - 2] > 1, n = sizeOf(shape);
  let best;
  if (!image) {
    const W = n > 60 ? Math.ceil(Math.sqrt(n)) : Math.min(n, 20, Math.max(1, Math.floor(width / 46))), H = Math.ceil(n / W);
    return {W, H, tiles: 1, columns: 1, cell: Math.max(1, Math.min(52, Math.floor((n > 60 ? Math.min(width - 2, 380) : width - 2) / W))), image, n};
  }
  const H = shape[r - 2], W = shape[r - 1], tiles = r > 2 ? shape[r - 3] : 1;
  for (let columns = 1; columns <= tiles; columns++) {
    const rows = Math.ceil(tiles / columns), cell = Math.min(52, Math.floor((width - 2 - 4 * (columns - 1)) / (columns * W)), Math.floor((380 - 4 * rows) / (rows * H)));
    if (!best || cell > best.cell) best = {W, H, tiles, columns, cell, image, n};
  }
  best.cell = Math.max(1, best.cell);
  return best;
}
const colours = () => ["low", "zero", "high"].map(n => getComputedStyle(document.documentElement).getPropertyValue("--" + n).split(",").map(Number));
function draw(canvas, no, index, marked) {
  const shape = S[no], lay = layout(shape, canvas.parentElement.clientWidth - 34), {W, H, cell, columns, tiles} = lay;
  const width = columns * W * cell + 4 * (columns - 1) + 2, height = Math.ceil(tiles / columns) * (H * cell + 4) - 2, ratio = devicePixelRatio || 1;
  canvas.width = width * ratio; canvas.height = height * ratio;
  canvas.style.width = width + "px";
  const pen = canvas.getContext("2d"), data = V[no], [low, zero, high] = colours();
  pen.scale(ratio, ratio);
  let top = 1e-300;
  for (const v of data) if (Math.abs(v) > top) top = Math.abs(v);
  const area = lay.image ? W * H : lay.n, lead = lay.image ? Math.floor(flatOf(shape, index) / (area * tiles)) * area * tiles : 0;
  const style = getComputedStyle(document.documentElement), text = style.getPropertyValue("--text"), mark = style.getPropertyValue("--mark");
  const corner = flat => {
    const t = Math.floor((flat - lead) / area), p = (flat - lead) % area;
    return t < 0 || t >= tiles ? null : [1 + (t % columns) * (W * cell + 4) + (p % W) * cell, 1 + Math.floor(t / columns) * (H * cell + 4) + Math.floor(p / W) * cell];
  };
  pen.font = "12px ui-monospace, monospace"; pen.textAlign = "center"; pen.textBaseline = "middle";
  for (let flat = lead; flat < Math.min(lead + area * tiles, data.length); flat++) {
    const share = Math.min(1, Math.abs(data[flat]) / top) ** .7, to = data[flat] < 0 ? low : high, [x, y] = corner(flat);
    const colour = zero.map((z, i) => Math.round(z + share * (to[i] - z)));
    pen.fillStyle = `rgb(${colour})`;
    pen.fillRect(x, y, cell, cell);
    if (cell >= 36) {
      pen.fillStyle = .299 * colour[0] + .587 * colour[1] + .114 * colour[2] > 125 ? "#000" : "#fff";
      pen.fillText(show(data[flat], 2), x + cell / 2, y + cell / 2, cell - 4);
    }
  }
  pen.lineWidth = cell > 8 ? 2 : 1;
  pen.strokeStyle = pen.fillStyle = mark;
  for (const flat of marked) {
    const at = corner(flat);
    if (at && cell > 5) pen.strokeRect(at[0] + .5, at[1] + .5, cell - 1, cell - 1);
    else if (at) { pen.globalAlpha = .5; pen.fillRect(...at, cell, cell); pen.globalAlpha = 1; }
  }
  if (canvas.classList.contains("pick")) {
    const at = corner(flatOf(shape, index));
    pen.lineWidth = 3; pen.strokeStyle = text;
    if (at) pen.strokeRect(at[0], at[1], cell, cell);
  }
  canvas.pick = event => {
    const box = canvas.getBoundingClientRect(), scale = width / box.width, x = (event.clientX - box.left) * scale - 1, y = (event.clientY - box.top) * scale - 1;
    const column = Math.floor(x / (W * cell + 4)), row = Math.floor(y / (H * cell + 4)), i = Math.floor((x - column * (W * cell + 4)) / cell), j = Math.floor((y - row * (H * cell + 4)) / cell);
    const t = row * columns + column, flat = lead + t * area + j * W + i;
    return i >= 0 && i < W && j >= 0 && j < H && t < tiles && column < columns && flat < data.length ? indexOf(shape, flat) : null;
  };
}
