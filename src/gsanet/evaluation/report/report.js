"use strict";
// Sort a table by the column whose heading is clicked. Numbers start from the highest, names from A.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (head.classList.contains("nosort")) return;
    head.tabIndex = 0;
    const sort = () => {
      const numeric = column > 0;
      const up = head.hasAttribute("aria-sort") ? head.getAttribute("aria-sort") !== "ascending" : !numeric;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => {
        const cell = row.cells[column];
        if (!numeric) return cell.textContent;
        return cell.dataset.v === "" ? -Infinity : Number(cell.dataset.v);
      };
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        const order = numeric ? x - y : x.localeCompare(y, undefined, { numeric: true });
        return up ? order : -order;
      });
      table.tBodies[0].append(...rows);
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
  });
}
// Read a plot where the pointer is.
for (const plot of document.querySelectorAll("svg.time")) {
  const frames = JSON.parse(plot.dataset.frames), series = JSON.parse(plot.dataset.series);
  const left = Number(plot.dataset.left), width = Number(plot.dataset.width);
  const cursor = plot.querySelector(".cursor"), readout = plot.parentElement.querySelector(".readout");
  const show = (event) => {
    const box = plot.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * plot.viewBox.baseVal.width;
    const steps = Math.max(1, frames.length - 1);
    const i = Math.min(frames.length - 1, Math.max(0, Math.round(((x - left) / width) * steps)));
    const at = left + (width * i) / steps;
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.setAttribute("visibility", "visible");
    readout.textContent = `frame ${frames[i]}: ` + series.map(([name, values]) => `${name} ${values[i].toFixed(1)}`).join(", ");
  };
  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    readout.textContent = "\u00a0";
  });
}
