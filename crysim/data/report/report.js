"use strict";
// What the report shows of its data: charts by system, and the crystals in 3D.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const colours = data.colours;
  const colourOf = (method) => colours[data.methods.indexOf(method) % colours.length];
  const byId = (id) => document.getElementById(id);
  const two = (value) => (value === null ? "/" : value.toFixed(2));
  const formula = (text) => text.replace(/(\d+)/g, "<sub>$1</sub>");
  const range = (values, margin) => {
    const known = values.filter((v) => v !== null && Number.isFinite(v));
    if (!known.length) return [0, 1];
    const low = Math.min(...known), high = Math.max(...known);
    const extra = (high - low) * margin || Math.abs(high) * 0.01 || 0.5;
    return [low - extra, high + extra];
  };
  const lowest = (values, share) => {
    const sorted = values.filter((v) => v !== null).sort((a, b) => a - b);
    return sorted.slice(0, Math.ceil(share * sorted.length));
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
    const series = system.curves.map((curve) => ({ ...curve, name: curve.method, colour: colourOf(curve.method), x: curve.mean.map((_, i) => i + 1), y: curve.mean, steps: true }));
    // first energies tower over what matters: a tenth of the values may lie above the picture
    const means = series.flatMap((one) => one.y);
    const seen = [...(byId("whole-range").checked ? means : lowest(means, 0.9)), ...lowest(series.flatMap((one) => one.low), 0.5)];
    if (system.reference && system.reference.energy !== null) seen.push(system.reference.energy);
    return { label: `accumulated lowest energy of ${system.name}`, series, x: [0, Math.max(1, ...series.map((s) => s.x.length))], y: range(seen, 0.05), xLabel: "relaxations", yLabel: "lowest energy (eV per cell)", format: two, level: system.reference ? system.reference.energy : null };
  }));
  byId("whole-range").addEventListener("change", () => energyUpdates.forEach((update) => update()));

  // ------------------------------------------------------------------ success
  const known = data.systems.filter((system) => system.reference);
  const successUpdates = known.map((system) => Charts.chart(byId("success-charts"), formula(system.name), () => {
    const criterion = byId("criterion").value;
    const series = data.methods.map((method) => {
      const runs = data.runs.filter((run) => run.system === system.name && run.method === method);
      if (!runs.length) return null;
      const budget = Math.max(...runs.map((run) => run.budget));
      const x = Array.from({ length: budget + 1 }, (_, i) => i);
      const y = x.map((n) => runs.filter((run) => run.success[criterion] !== null && run.success[criterion] <= n).length / runs.length);
      return { name: method, colour: colourOf(method), x, y, steps: true };
    }).filter(Boolean);
    return { label: `success on ${system.name}`, series, x: [0, Math.max(1, ...series.map((s) => s.x.length - 1))], y: [-0.02, 1.02], xLabel: "relaxations", yLabel: "share of runs", format: two };
  }));
  byId("criterion").addEventListener("change", () => successUpdates.forEach((update) => update()));
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
    return { points: true, label: `energy against volume of ${system.name}`, series, x: range(volumes, 0.06), y: range(energies, 0.06), xLabel: "volume (Å³ per atom)", yLabel: "energy (eV per atom)" };
  }));

  // ------------------------------------------------------------------ time
  Charts.bars(byId("time-chart"), data.time, data.phases, colours);

  // ------------------------------------------------------------------ surrogate
  const fitted = data.systems.filter((system) => data.runs.some((run) => run.system === system.name && run.fit));
  fitted.forEach((system) => Charts.chart(byId("fit-charts"), formula(system.name), () => {
    const runs = data.runs.filter((run) => run.system === system.name && run.fit);
    const series = runs.flatMap((run) => {
      const name = `${run.method}, seed ${run.seed}`, colour = colours[runs.indexOf(run) % colours.length];
      return [
        { name, colour, x: run.fit.iterations, y: run.fit.train, width: 1.3 },
        { name, colour, x: run.fit.iterations, y: run.fit.validation, width: 1, dash: "2 3", quiet: true },
      ];
    });
    const low = Math.min(0.5, ...series.flatMap((one) => one.y.filter((v) => v !== null)));
    return { label: `surrogate on ${system.name}`, series, x: [0, Math.max(1, ...series.flatMap((s) => s.x))], y: [low, 1.02], xLabel: "iteration", yLabel: "Pearson correlation", format: two };
  }));
  if (!fitted.length) nothing("fit-charts", "No method of this comparison has a surrogate.");

  // ------------------------------------------------------------------ crystals
  const choice = byId("crystal-system");
  data.systems.forEach((system) => choice.append(new Option(system.name, system.name)));
  const viewers = {};

  function show(id, crystal) {
    const place = byId(id);
    if (viewers[id] === undefined) {
      try {
        viewers[id] = $3Dmol.createViewer(place, { backgroundColor: "white", antialias: true });
      } catch (error) {
        viewers[id] = null;
      }
      if (!viewers[id]) place.innerHTML = "<p>This browser shows no 3D graphics (WebGL); the CIF files can be saved all the same.</p>";
    }
    const viewer = viewers[id];
    if (!viewer) return;
    viewer.removeAllModels();
    viewer.removeAllShapes();
    if (crystal) {
      const model = viewer.addModel();
      model.addAtoms(crystal.atoms.map(([element, x, y, z]) => ({ elem: data.elements[element].symbol, x, y, z, bonds: [], bondOrder: [] })));
      data.elements.forEach((one) => model.setStyle({ elem: one.symbol }, { sphere: { radius: one.radius, color: one.colour } }));
      for (const [from, to] of crystal.edges) {
        const [a, b] = [from, to].map(([x, y, z]) => ({ x, y, z }));
        viewer.addLine({ start: a, end: b, color: "#445" });
      }
      viewer.setView([0, 0, 0, 0, 0, 0, 0, 1]);
      viewer.rotate(-70, "x");
      viewer.rotate(-15, "y");
      viewer.zoomTo();
      viewer.zoom(0.8);
    }
    viewer.render();
  }

  function save(crystal, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([crystal.cif], { type: "chemical/x-cif" }));
    link.download = `${name}.cif`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
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
    byId("element-legend").innerHTML = elements.map((e) => `<span><i class="dot" style="background:${data.elements[e].colour}"></i> ${data.elements[e].symbol}</span>`).join(" ");
    byId("reference-caption").innerHTML = system.reference ? `<b>reference</b>: ${system.reference.symbol} (${system.reference.space_group})${system.reference.energy === null ? "" : `, ${two(system.reference.energy)} eV`}` : "no reference";
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
      byId("crystal-caption").innerHTML = `<b>${run.method}, seed ${run.seed}</b>: ${run.best.symbol} (${run.best.space_group}), ${two(run.best.energy)} eV`;
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
    if (runs.length) choose(runs.reduce((a, b) => (b.best.energy < a.best.energy ? b : a)), body.rows[runs.indexOf(runs.reduce((a, b) => (b.best.energy < a.best.energy ? b : a)))]);
    else { byId("crystal-caption").textContent = "no crystal"; show("crystal-viewer", null); }
  }
  choice.addEventListener("change", fillCrystals);
  if (data.systems.length) fillCrystals();
})();
