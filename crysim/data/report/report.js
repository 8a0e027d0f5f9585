"use strict";
// What the report shows of its data: charts by system, and the crystals in 3D.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const colours = data.colours;
  const colourOf = (method) => colours[data.methods.indexOf(method) % colours.length];
  const byId = (id) => document.getElementById(id);
  const two = (value) => (value === null ? "/" : value.toFixed(2));
  // A formula with lowered numbers, as nodes: what comes from data is never read as HTML.
  const formula = (text) => text.split(/(\d+)/).map((part, i) => {
    if (i % 2 === 0) return part;
    const low = document.createElement("sub");
    low.textContent = part;
    return low;
  });
  // the range of values with a margin on both sides; of values that are equal within ``least`` (relative), about them
  const range = (values, margin, least = 1e-6) => {
    const known = values.filter((v) => v !== null && Number.isFinite(v));
    if (!known.length) return [0, 1];
    const low = Math.min(...known), high = Math.max(...known);
    const spread = high - low > least * Math.abs(high) ? high - low : 0;
    const extra = spread * margin || Math.abs(high) * 0.01 || 0.5;
    return [low - extra, high + extra];
  };
  const lowest = (values, share) => {
    const sorted = values.filter((v) => v !== null).sort((a, b) => a - b);
    return sorted.slice(0, Math.ceil(share * sorted.length));
  };
  // Wilson's interval of a success rate
  const wilson = (successes, runs) => {
    const z = 1.959964, rate = successes / runs, scale = 1 + (z * z) / runs;
    const centre = (rate + (z * z) / (2 * runs)) / scale;
    const half = (z / scale) * Math.sqrt((rate * (1 - rate)) / runs + (z * z) / (4 * runs * runs));
    return [Math.max(0, centre - half), Math.min(1, centre + half)];
  };
  const nothing = (id, text) => {
    const place = byId(id);
    place.className = "";
    const line = document.createElement("p");
    line.textContent = text;
    place.append(line);
  };

  // ------------------------------------------------------------------ accumulated lowest energies
  const energyUpdates = data.systems.map((system) => Charts.chart(byId("energy-charts"), formula(system.name), () => {
    const currency = byId("energy-currency").value;
    const series = system.curves[currency].map((curve) => ({ ...curve, name: curve.method, colour: colourOf(curve.method), y: curve.mean, steps: true }));
    // first energies tower over what matters: a tenth of the values may lie above the picture
    const means = series.flatMap((one) => one.y);
    const seen = [...(byId("whole-range").checked ? means : lowest(means, 0.9)), ...lowest(series.flatMap((one) => one.low), 0.5)];
    if (system.reference && system.reference.energy !== null) seen.push(system.reference.energy);
    // noise of relaxations does not fill the picture: half a percent above the lowest is shown at least
    const bottom = Math.min(...seen.filter((v) => v !== null));
    if (Number.isFinite(bottom)) seen.push(bottom + 0.005 * Math.abs(bottom));
    return { label: `accumulated lowest energy of ${system.name}`, series, x: [0, Math.max(1e-9, ...series.flatMap((s) => s.x.slice(-1)))], y: range(seen, 0.05), xLabel: data.currencies[currency], yLabel: "lowest energy (eV per cell)", format: two, level: system.reference ? system.reference.energy : null };
  }));
  for (const id of ["whole-range", "energy-currency"]) byId(id).addEventListener("change", () => energyUpdates.forEach((update) => update()));

  // ------------------------------------------------------------------ success
  const known = data.systems.filter((system) => system.reference);
  const successUpdates = known.map((system) => Charts.chart(byId("success-charts"), formula(system.name), () => {
    const criterion = byId("criterion").value, currency = byId("success-currency").value;
    const series = data.methods.map((method) => {
      const runs = data.runs.filter((run) => run.system === system.name && run.method === method);
      if (!runs.length) return null;
      const ends = runs.map((run) => (run.effort[criterion] === null ? null : run.effort[criterion][currency]));
      const most = Math.max(...runs.map((run) => (currency === "relaxations" ? run.budget : run.spent[currency])));
      const x = currency === "relaxations" ? Array.from({ length: most + 1 }, (_, i) => i) : [...new Set([0, ...ends.filter((end) => end !== null), most])].sort((a, b) => a - b);
      const y = x.map((spent) => ends.filter((end) => end !== null && end <= spent).length / runs.length);
      const note = (i) => { const [low, high] = wilson(Math.round(y[i] * runs.length), runs.length); return ` (95 %: ${two(low)} to ${two(high)})`; };
      return { name: method, colour: colourOf(method), x, y, note, steps: true };
    }).filter(Boolean);
    return { label: `success on ${system.name}`, series, x: [0, Math.max(1e-9, ...series.flatMap((s) => s.x.slice(-1)))], y: [-0.02, 1.02], xLabel: data.currencies[currency], yLabel: "share of runs", format: two };
  }));
  for (const id of ["criterion", "success-currency"]) byId(id).addEventListener("change", () => successUpdates.forEach((update) => update()));
  if (!known.length) nothing("success-charts", "No system of this comparison has a reference.");

  // ------------------------------------------------------------------ energy against volume
  data.systems.forEach((system) => Charts.chart(byId("volume-charts"), formula(system.name), () => {
    const series = data.methods.map((method) => ({
      name: method, colour: colourOf(method),
      points: data.runs.filter((run) => run.system === system.name && run.method === method).flatMap((run) => run.minima.map(([iteration, energy, volume, group]) => ({
        x: volume, y: energy, text: [`${energy.toFixed(3)} eV/atom, ${volume.toFixed(2)} Å³/atom`, `space group ${group}, seed ${run.seed}, relaxation ${iteration}`],
      }))),
    })).filter((one) => one.points.length);
    const reference = system.reference;
    if (reference && reference.energy !== null) {
      const point = { x: reference.volume / system.atoms, y: reference.energy / system.atoms, text: [`${(reference.energy / system.atoms).toFixed(3)} eV/atom`] };
      series.push({ name: "reference", colour: "#222", fill: "none", size: 6, points: [point] });
    }
    const points = series.flatMap((one) => one.points);
    const energies = lowest(points.map((p) => p.y), 0.9);
    const volumes = lowest(points.filter((p) => energies.length && p.y <= energies[energies.length - 1]).map((p) => p.x), 0.9);
    return { points: true, label: `energy against volume of ${system.name}`, series, x: range(volumes, 0.06, 0.01), y: range(energies, 0.06, 0.001), xLabel: "volume (Å³ per atom)", yLabel: "energy (eV per atom)" };
  }));

  // ------------------------------------------------------------------ time
  Charts.bars(byId("time-chart"), data.time, data.phases, colours);
  const timeChoice = byId("time-run");
  data.time.forEach((row, i) => timeChoice.append(new Option(row.name, i)));
  const slowest = data.time.reduce((best, row, i) => (Object.keys(row.phases).length > Object.keys(data.time[best].phases).length ? i : best), 0);
  timeChoice.value = String(slowest);
  if (data.time.length) {
    const update = Charts.chart(byId("time-iterations"), "", () => {
      const row = data.time[Number(timeChoice.value)];
      const names = data.phases.filter((phase) => row.series[phase]);
      const series = names.map((phase) => ({ name: phase, colour: colours[data.phases.indexOf(phase) % colours.length], y: row.series[phase] }));
      const sums = series.length ? series[0].y.map((_, i) => series.reduce((sum, one) => sum + (one.y[i] || 0), 0)) : [];
      // a first iteration that compiles would flatten all others
      const seen = lowest(sums, 0.98);
      return { stacked: true, label: `seconds of each relaxation of ${row.name}`, series, x: [0, Math.max(1, sums.length)], y: [0, 1.05 * Math.max(1e-9, ...seen)], xLabel: "relaxation", yLabel: "seconds (mean over seeds)", format: (v) => `${v.toPrecision(3)} s` };
    });
    timeChoice.addEventListener("change", update);
  }

  // ------------------------------------------------------------------ surrogate
  const fitted = data.systems.filter((system) => data.runs.some((run) => run.system === system.name && run.fit));
  const fitUpdates = fitted.map((system) => Charts.chart(byId("fit-charts"), formula(system.name), () => {
    const runs = data.runs.filter((run) => run.system === system.name && run.fit);
    const errors = byId("fit-quality").value === "error";
    const series = runs.flatMap((run) => {
      const name = `${run.method}, seed ${run.seed}`, colour = colours[runs.indexOf(run) % colours.length], x = run.fit.iterations;
      if (errors) return [{ name, colour, x, y: run.fit.error, width: 1.3 }];
      return [{ name, colour, x, y: run.fit.train, width: 1.3 }, { name, colour, x, y: run.fit.validation, width: 1, dash: "2 3", quiet: true }];
    });
    const values = series.flatMap((one) => one.y.filter((v) => v !== null));
    const y = errors ? [0, 1.05 * Math.max(1e-6, ...lowest(values, 0.98))] : [Math.min(0.5, ...values), 1.02];
    return { label: `surrogate on ${system.name}`, series, x: [0, Math.max(1, ...series.flatMap((s) => s.x))], y, xLabel: "iteration", yLabel: errors ? "RMSE of validation (eV per cell)" : "Pearson correlation", format: two };
  }));
  byId("fit-quality").addEventListener("change", () => fitUpdates.forEach((update) => update()));
  if (!fitted.length) nothing("fit-charts", "No method of this comparison has a surrogate.");

  // ------------------------------------------------------------------ crystals
  const choice = byId("crystal-system");
  data.systems.forEach((system) => choice.append(new Option(system.name, system.name)));
  const viewers = {};
  const plus = (p, q) => p.map((v, i) => v + q[i]);
  const times = (p, factor) => p.map((v) => v * factor);
  const dot = (p, q) => p.reduce((sum, v, i) => sum + v * q[i], 0);
  const cross = ([a, b, c], [d, e, f]) => [b * f - c * e, c * d - a * f, a * e - b * d];
  const unit = (p) => times(p, 1 / Math.sqrt(dot(p, p)));

  // The quaternion that turns ``towards`` to the viewer with ``up`` upwards, then by two small angles about the
  // vertical and the horizontal.
  function orientation(towards, up, about, tilt) {
    const front = unit(towards);
    const right = unit(cross(up, front));
    const above = cross(front, right);
    const [ca, sa, ct, st] = [Math.cos(about), Math.sin(about), Math.cos(tilt), Math.sin(tilt)];
    const turned = [plus(times(right, ca), times(front, sa)), above, plus(times(front, ca), times(right, -sa))];
    const m = [turned[0], plus(times(turned[1], ct), times(turned[2], -st)), plus(times(turned[2], ct), times(turned[1], st))];
    const w = Math.sqrt(Math.max(0, 1 + m[0][0] + m[1][1] + m[2][2])) / 2;
    const x = Math.sqrt(Math.max(0, 1 + m[0][0] - m[1][1] - m[2][2])) / 2;
    const y = Math.sqrt(Math.max(0, 1 - m[0][0] + m[1][1] - m[2][2])) / 2;
    const z = Math.sqrt(Math.max(0, 1 - m[0][0] - m[1][1] + m[2][2])) / 2;
    const signed = (value, sign) => (sign < 0 ? -value : value);
    return [signed(x, m[2][1] - m[1][2]), signed(y, m[0][2] - m[2][0]), signed(z, m[1][0] - m[0][1]), w];
  }

  function viewerIn(id) {
    if (viewers[id] !== undefined) return viewers[id];
    const place = byId(id);
    try {
      viewers[id] = $3Dmol.createViewer(place, { backgroundColor: "white", antialias: true });
    } catch (error) {
      viewers[id] = null;
    }
    if (!viewers[id]) {
      const note = document.createElement("p");
      note.textContent = "This browser shows no 3D graphics (WebGL); the CIF files can be saved all the same.";
      place.replaceChildren(note);
    }
    return viewers[id];
  }

  // The cell's middle lies in the origin, so that two crystals can be turned together.
  function show(id, crystal) {
    const viewer = viewerIn(id);
    if (!viewer) return;
    viewer.removeAllModels();
    viewer.removeAllShapes();
    viewer.removeAllLabels();
    viewer.crystal = crystal;
    if (crystal) {
      const middle = times(crystal.axes.reduce(plus), 0.5);
      const point = (p) => { const [x, y, z] = plus(p, times(middle, -1)); return { x, y, z }; };
      const bonds = crystal.atoms.map(() => []);
      crystal.bonds.forEach(([i, j]) => { bonds[i].push(j); bonds[j].push(i); });
      const model = viewer.addModel();
      model.addAtoms(crystal.atoms.map(([element, ...p], i) => ({ elem: data.elements[element].symbol, ...point(p), bonds: bonds[i], bondOrder: bonds[i].map(() => 1) })));
      data.elements.forEach((one) => model.setStyle({ elem: one.symbol }, { sphere: { radius: one.radius, color: one.colour }, stick: { radius: 0.09, color: one.colour } }));
      for (const [from, to] of crystal.edges) viewer.addLine({ start: point(from), end: point(to), color: "#445" });
      crystal.axes.forEach((axis, i) => {
        const end = point(plus(axis, times(unit(axis), 1.3)));
        viewer.addLabel("abc"[i], { position: end, fontSize: 18, fontColor: "#1d2733", showBackground: false, inFront: true, alignment: "center" });
      });
    }
    look(id, byId("direction").value);
  }

  // Turn a crystal as the choice of directions says; what is linked follows.
  function look(id, direction) {
    const viewer = viewers[id];
    if (!viewer) return;
    if (viewer.crystal) {
      const [a, b, c] = viewer.crystal.axes;
      const [towards, up, about, tilt] = { a: [a, c, 0, 0], b: [b, c, 0, 0], c: [c, b, 0, 0] }[direction] || [a, c, -0.42, 0.24];
      viewer.setView([0, 0, 0, 0, ...orientation(towards, up, about, tilt)]);
      viewer.zoomTo();
      viewer.zoom(0.88);
    }
    viewer.render();
  }
  const lookAtBoth = () => Object.keys(viewers).forEach((id) => look(id, byId("direction").value));
  byId("direction").addEventListener("change", lookAtBoth);

  // While one is turned or zoomed by hand, the other follows.
  function follow(from, to) {
    const turn = () => {
      const [one, other] = [viewers[from], viewers[to]];
      if (!byId("together").checked || !one || !other || !one.crystal || !other.crystal) return;
      const [x, y, z, , ...rotation] = one.getView();
      const place = other.getView();
      other.setView([x, y, z, place[3], ...rotation]);
    };
    ["pointermove", "mousemove", "touchmove"].forEach((kind) => byId(from).addEventListener(kind, (event) => { if (event.buttons || event.touches) turn(); }));
  }
  follow("reference-viewer", "crystal-viewer");
  follow("crystal-viewer", "reference-viewer");

  function save(crystal, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([crystal.cif], { type: "chemical/x-cif" }));
    link.download = `${name}.cif`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function caption(id, strong, rest) {
    const bold = document.createElement("b");
    bold.textContent = strong;
    byId(id).replaceChildren(bold, rest);
  }

  function cell(row, text, kind) {
    const made = row.insertCell();
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  function button(text, action) {
    const made = document.createElement("button");
    made.className = "plain";
    made.textContent = text;
    made.addEventListener("click", action);
    return made;
  }

  function fillCrystals() {
    const system = data.systems.find((one) => one.name === choice.value);
    const runs = data.runs.filter((run) => run.system === system.name && run.best);
    const elements = [...new Set([system.reference, ...runs.map((r) => r.best)].filter(Boolean).flatMap((c) => c.atoms.map((a) => a[0])))];
    byId("element-legend").replaceChildren(...elements.flatMap((e) => {
      const dot = document.createElement("i");
      dot.className = "dot";
      dot.style.background = data.elements[e].colour;
      const named = document.createElement("span");
      named.append(dot, ` ${data.elements[e].symbol}`);
      return [named, " "];
    }));
    if (system.reference) caption("reference-caption", "reference", `: ${system.reference.symbol} (${system.reference.space_group})${system.reference.energy === null ? "" : `, ${two(system.reference.energy)} eV`}`);
    else byId("reference-caption").textContent = "no reference";
    if (system.reference) byId("reference-caption").append(" ", button("CIF", () => save(system.reference, `${system.name}-reference`)));
    show("reference-viewer", system.reference);
    const table = byId("crystal-table");
    table.replaceChildren();
    const head = table.createTHead().insertRow();
    const hull = runs.some((run) => run.best.hull !== null);
    const titles = ["method", "seed", "eV per cell", "eV/atom", "space group", "relaxation", "matches the reference", ...(hull ? ["above hull (eV/atom)"] : []), ""];
    titles.forEach((title, i) => { const th = document.createElement("th"); th.textContent = title; th.className = i === 0 ? "text" : ""; head.append(th); });
    const body = table.createTBody();
    const choose = (run, row) => {
      body.querySelectorAll("tr").forEach((other) => other.classList.toggle("chosen", other === row));
      caption("crystal-caption", `${run.method}, seed ${run.seed}`, `: ${run.best.symbol} (${run.best.space_group}), ${two(run.best.energy)} eV`);
      byId("crystal-caption").append(" ", button("CIF", () => save(run.best, `${system.name}-${run.method}-seed-${run.seed}`)));
      show("crystal-viewer", run.best);
    };
    runs.forEach((run) => {
      const row = body.insertRow();
      cell(row, run.method, "text");
      cell(row, run.seed);
      cell(row, two(run.best.energy));
      cell(row, run.best.energy_per_atom.toFixed(4));
      cell(row, `${run.best.symbol} (${run.best.space_group})`);
      cell(row, run.best.iteration);
      cell(row, run.best.match);
      if (hull) cell(row, run.best.hull === null ? "/" : run.best.hull.toFixed(4));
      const last = cell(row, "");
      last.append(button("show", () => choose(run, row)), " ", button("CIF", () => save(run.best, `${system.name}-${run.method}-seed-${run.seed}`)));
    });
    // of runs that are as low at the table's precision, the first
    const lowestOf = Math.min(...runs.map((run) => run.best.energy));
    const first = runs.findIndex((run) => run.best.energy < lowestOf + 0.005);
    if (runs.length) choose(runs[first], body.rows[first]);
    else { byId("crystal-caption").textContent = "no crystal"; show("crystal-viewer", null); }
  }
  choice.addEventListener("change", fillCrystals);
  if (data.systems.length) fillCrystals();
})();
