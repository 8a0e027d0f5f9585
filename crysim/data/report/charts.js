"use strict";
// Small SVG charts: lines with bands, points, and stacked bars; sized by their place, drawn again when it changes.
const Charts = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  function node(name, attributes, parent, text) {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  function showTip(event, lines) {
    tip.replaceChildren(...lines.map(([text, colour]) => {
      const line = document.createElement("div");
      if (colour) line.style.color = colour;
      line.textContent = text;
      return line;
    }));
    tip.hidden = false;
    const wide = document.documentElement.clientWidth;
    const left = Math.max(4, Math.min(event.pageX + 14, wide - tip.offsetWidth - 6));
    tip.style.left = `${left}px`;
    tip.style.top = `${event.pageY + 16}px`;
  }
  const hideTip = () => { tip.hidden = true; };

  function ticks(low, high, wanted) {
    const rough = (high - low) / Math.max(1, wanted) || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) found.push(k * step);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (String(step / power).includes("2.5") ? 1 : 0));
    return found.map((value) => [value, value.toFixed(Math.min(6, digits))]);
  }

  function frame(place, options) {
    const width = Math.max(280, Math.round(place.clientWidth || 340));
    const height = Math.round(Math.min(320, Math.max(230, width * 0.62)));
    const yTicks = ticks(options.y[0], options.y[1], 5);
    const left = 26 + 7.4 * Math.max(...yTicks.map((t) => t[1].length), 1);
    const box = { left, right: width - 16, top: 8, bottom: height - 40 };
    const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": options.label });
    const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);
    const x = scale(options.x[0], options.x[1], box.left, box.right);
    const y = scale(options.y[0], options.y[1], box.bottom, box.top);
    for (const [value, text] of yTicks) {
      node("line", { x1: box.left, x2: box.right, y1: y(value), y2: y(value), class: "gridline" }, svg);
      node("text", { x: box.left - 5, y: y(value) + 4, "text-anchor": "end" }, svg, text);
    }
    for (const [value, text] of ticks(options.x[0], options.x[1], Math.min(7, width / 70))) {
      node("line", { x1: x(value), x2: x(value), y1: box.bottom, y2: box.bottom + 4, class: "axis" }, svg);
      node("text", { x: x(value), y: box.bottom + 17, "text-anchor": "middle" }, svg, text);
    }
    node("line", { x1: box.left, x2: box.left, y1: box.top, y2: box.bottom, class: "axis" }, svg);
    node("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: "axis" }, svg);
    node("text", { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle" }, svg, options.xLabel);
    node("text", { transform: `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, svg, options.yLabel);
    const id = `clip-${Math.random().toString(36).slice(2)}`;
    const clip = node("clipPath", { id }, node("defs", {}, svg));
    node("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }, clip);
    return { svg, x, y, box, width, plot: node("g", { "clip-path": `url(#${id})` }, svg) };
  }

  const path = (points) => points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");

  function drawLines(place, options, hidden) {
    const { svg, x, y, box, width, plot } = frame(place, options);
    const shown = options.series.filter((one) => !hidden.has(one.name));
    // the points of a line through known values; a stepped one holds each value until the next
    const through = (one, values) => {
      const known = one.x.map((v, i) => i).filter((i) => values[i] !== null);
      return known.flatMap((i, k) => {
        const here = [x(one.x[i]), y(values[i])];
        return one.steps && k ? [[here[0], y(values[known[k - 1]])], here] : [here];
      });
    };
    for (const one of shown.filter((s) => s.low)) {
      const band = through(one, one.high).concat(through(one, one.low).reverse());
      if (band.length) node("path", { d: `${path(band)}Z`, fill: one.colour, opacity: 0.15 }, plot);
    }
    for (const one of shown) {
      const line = through(one, one.y);
      if (line.length) node("path", { d: path(line), fill: "none", stroke: one.colour, "stroke-width": one.width || 1.8, "stroke-dasharray": one.dash || "" }, plot);
    }
    if (options.level !== undefined && options.level !== null) {
      node("line", { x1: box.left, x2: box.right, y1: y(options.level), y2: y(options.level), stroke: "#333", "stroke-dasharray": "5 4" }, plot);
    }
    const cross = node("line", { y1: box.top, y2: box.bottom, stroke: "#0004", visibility: "hidden" }, svg);
    const move = (event) => {
      const bounds = svg.getBoundingClientRect();
      const at = options.x[0] + (((event.clientX - bounds.left) * width / bounds.width - box.left) / (box.right - box.left)) * (options.x[1] - options.x[0]);
      const lines = [];
      let nearest = null;
      for (const one of shown.filter((s) => !s.quiet)) {
        let best = -1;
        one.x.forEach((value, i) => { if (one.y[i] !== null && (best < 0 || Math.abs(value - at) < Math.abs(one.x[best] - at))) best = i; });
        if (best < 0) continue;
        nearest = nearest === null || Math.abs(one.x[best] - at) < Math.abs(nearest - at) ? one.x[best] : nearest;
        const range = one.low && one.low[best] !== one.high[best] ? ` (${options.format(one.low[best])} to ${options.format(one.high[best])})` : "";
        lines.push([`${one.name}: ${options.format(one.y[best])}${range}${one.note ? one.note(best) : ""}`, one.colour]);
      }
      if (nearest === null) return;
      cross.setAttribute("x1", x(nearest));
      cross.setAttribute("x2", x(nearest));
      cross.setAttribute("visibility", "visible");
      showTip(event, [[`${options.xLabel}: ${nearest}`], ...lines]);
    };
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerdown", move);
    svg.addEventListener("pointerleave", () => { cross.setAttribute("visibility", "hidden"); hideTip(); });
    return svg;
  }

  // One bar for each place, its parts on top of each other.
  function drawStack(place, options, hidden) {
    const { svg, x, y, box, width, plot } = frame(place, options);
    const shown = options.series.filter((one) => !hidden.has(one.name));
    const length = Math.max(0, ...options.series.map((one) => one.y.length));
    const sums = new Array(length).fill(0);
    for (const one of shown) {
      const path = one.y.map((value, i) => {
        const bottom = y(sums[i]);
        sums[i] += value || 0;
        const top = y(sums[i]);
        return `M${x(i).toFixed(2)} ${bottom.toFixed(2)}V${top.toFixed(2)}H${x(i + 1).toFixed(2)}V${bottom.toFixed(2)}Z`;
      });
      node("path", { d: path.join(""), fill: one.colour, "fill-opacity": 0.85 }, plot);
    }
    const move = (event) => {
      const bounds = svg.getBoundingClientRect();
      const i = Math.floor(((event.clientX - bounds.left) * width / bounds.width - box.left) / (box.right - box.left) * (options.x[1] - options.x[0]));
      if (i < 0 || i >= length) return;
      const lines = shown.filter((one) => one.y[i] !== null).map((one) => [`${one.name}: ${options.format(one.y[i])}`, one.colour]);
      showTip(event, [[`${options.xLabel} ${i + 1}: ${options.format(sums[i])}`], ...lines.reverse()]);
    };
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerdown", move);
    svg.addEventListener("pointerleave", hideTip);
    return svg;
  }

  function drawPoints(place, options, hidden) {
    const { svg, x, y, plot } = frame(place, options);
    for (const one of options.series.filter((s) => !hidden.has(s.name))) {
      for (const point of one.points) {
        const dot = node("circle", { cx: x(point.x), cy: y(point.y), r: one.size || 3.2, fill: one.fill || one.colour, "fill-opacity": one.fill ? 0 : 0.55, stroke: one.fill ? one.colour : "none", "stroke-width": 2 }, plot);
        const show = (event) => showTip(event, [[`${one.name}`, one.colour], ...point.text.map((t) => [t])]);
        dot.addEventListener("pointerenter", show);
        dot.addEventListener("pointerdown", show);
        dot.addEventListener("pointerleave", hideTip);
      }
    }
    return svg;
  }

  // A chart with its heading (a text, or nodes) and a legend whose names hide and show their series.
  function chart(parent, title, draw) {
    const place = document.createElement("div");
    place.className = "chart";
    const heading = document.createElement("h3");
    heading.replaceChildren(...[title].flat());
    const canvas = document.createElement("div");
    const legend = document.createElement("div");
    legend.className = "legend";
    place.append(heading, canvas, legend);
    parent.append(place);
    const hidden = new Set();
    let options = null;
    const render = () => {
      if (!options) return;
      canvas.replaceChildren((options.points ? drawPoints : options.stacked ? drawStack : drawLines)(canvas, options, hidden));
      const named = options.series.filter((one) => !one.quiet);
      legend.replaceChildren(...named.map((one) => {
        const button = document.createElement("button");
        button.className = hidden.has(one.name) ? "off" : "";
        button.setAttribute("aria-pressed", String(!hidden.has(one.name)));
        const mark = document.createElement("i");
        mark.style.background = one.colour;
        button.append(mark, one.name);
        button.addEventListener("click", () => {
          if (!hidden.delete(one.name)) hidden.add(one.name);
          render();
        });
        return button;
      }));
    };
    const update = () => { options = draw(); render(); };
    update();
    let width = canvas.clientWidth;
    new ResizeObserver(() => { if (Math.abs(canvas.clientWidth - width) > 2) { width = canvas.clientWidth; render(); } }).observe(canvas);
    return update;
  }

  function bars(parent, rows, phases, colours) {
    const draw = () => {
      const width = Math.max(280, parent.clientWidth || 340);
      const narrow = width < 560;
      const line = narrow ? 42 : 26;
      const left = narrow ? 8 : 12 + 7 * Math.max(...rows.map((row) => row.name.length), 4);
      const height = rows.length * line + 44;
      const most = Math.max(...rows.map((row) => row.total), 1e-9);
      const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "seconds per relaxation by phase" });
      const x = (value) => left + (value / most) * (width - left - 64);
      rows.forEach((row, k) => {
        const top = k * line + (narrow ? 18 : 4);
        node("text", { x: narrow ? left : left - 8, y: narrow ? top - 4 : top + 13, "text-anchor": narrow ? "start" : "end" }, svg, row.name);
        let sum = 0;
        phases.forEach((phase, p) => {
          const value = row.phases[phase] || 0;
          const rect = node("rect", { x: x(sum), y: top, width: Math.max(0, x(sum + value) - x(sum)), height: 17, fill: colours[p % colours.length] }, svg);
          const show = (event) => showTip(event, [[row.name], [`${phase}: ${value.toPrecision(3)} s`]]);
          rect.addEventListener("pointermove", show);
          rect.addEventListener("pointerdown", show);
          rect.addEventListener("pointerleave", hideTip);
          sum += value;
        });
        node("text", { x: x(sum) + 5, y: top + 13 }, svg, `${row.total.toPrecision(3)} s`);
      });
      node("text", { x: (left + width) / 2, y: height - 8, "text-anchor": "middle" }, svg, "seconds per relaxation");
      const legend = document.createElement("div");
      legend.className = "legend";
      phases.forEach((phase, p) => {
        const item = document.createElement("span");
        const mark = document.createElement("i");
        mark.style.cssText = `background:${colours[p % colours.length]};margin-right:6px`;
        item.append(mark, phase);
        legend.append(item);
      });
      parent.replaceChildren(svg, legend);
    };
    parent.classList.add("chart");
    draw();
    let width = parent.clientWidth;
    new ResizeObserver(() => { if (Math.abs(parent.clientWidth - width) > 2) { width = parent.clientWidth; draw(); } }).observe(parent);
  }

  document.addEventListener("scroll", hideTip, { passive: true });
  return { chart, bars };
})();
