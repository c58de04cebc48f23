// Draws the charts of a page again with uPlot, so that a point can be read under a cross-hair and a stretch enlarged. What is drawn are
// the points of the figure's own table, whose words the cross-hair shows: here amounts are numbers for pixels only. The drawing of the page
// itself stays for print, forced colours, and whoever has no scripts.
const language = document.documentElement.lang;
const compact = new Intl.NumberFormat(language, {notation: 'compact', maximumSignificantDigits: 4});
const scientific = new Intl.NumberFormat(language, {notation: 'scientific', maximumSignificantDigits: 4});
const MOST_COMPACT = 1e15;
const SECONDS_OF_A_DAY = 86400;

// 'SECONDS:AMOUNT SECONDS:AMOUNT* SECONDS:AMOUNT' for each stretch without a gap, between semicolons; with an asterisk what is incomplete.
function pointsOf(text) {
  const points = [];
  for (const [number, run] of text.split(';').entries()) {
    for (const [place, point] of run.split(' ').entries()) {
      const [at, amount] = point.split(':');
      points.push({at: +at, amount: parseFloat(amount), complete: !amount.endsWith('*'), begins: place === 0 && number > 0});
    }
  }
  return points;
}

// uPlot wants one list of instants and a list for each line. A gap is an instant without an amount; a stretch is dashed if one of its two
// ends is incomplete.
function linesOf(points) {
  const instants = [], solid = [], dashed = [], rows = [];
  const add = (at, whole, broken, row) => { instants.push(at); solid.push(whole); dashed.push(broken); rows.push(row); };
  points.forEach((point, row) => {
    const before = point.begins ? null : points[row - 1], after = points[row + 1]?.begins ? null : points[row + 1];
    if (point.begins) add((points[row - 1].at + point.at) / 2, null, null, null);
    const isBroken = [before, after].some(other => other && !(other.complete && point.complete)) || !point.complete;
    const isWhole = point.complete && (!isBroken || [before, after].some(other => other?.complete));
    add(point.at, isWhole ? point.amount : null, isBroken ? point.amount : null, row);
  });
  return {data: [instants, solid, dashed], rows};
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function clamp(number, least, most) {
  return Math.min(Math.max(number, least), most);
}

// Hatches what is incomplete, as the drawing of the page does.
function hatch(plot) {
  const {ctx, bbox} = plot, [instants, , dashed] = plot.data;
  ctx.save();
  ctx.beginPath();
  for (let place = 1; place < instants.length; place++) {
    if (dashed[place - 1] === null || dashed[place] === null) continue;
    const [left, right] = [instants[place - 1], instants[place]].map(at => clamp(plot.valToPos(at, 'x', true), bbox.left, bbox.left + bbox.width));
    ctx.rect(left, bbox.top, right - left, bbox.height);
  }
  ctx.clip();
  ctx.beginPath();
  for (let x = bbox.left - bbox.height; x < bbox.left + bbox.width; x += 8 * devicePixelRatio) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.strokeStyle = colour('line');
  ctx.lineWidth = devicePixelRatio;
  ctx.stroke();
  ctx.restore();
}

function dayOf(seconds, span) {
  const parts = span > 400 * SECONDS_OF_A_DAY ? {month: 'short', year: 'numeric'}
    : span > 2 * SECONDS_OF_A_DAY ? {day: 'numeric', month: 'short'} : {hour: '2-digit', minute: '2-digit'};
  return new Intl.DateTimeFormat(language, {...parts, timeZone: 'UTC'}).format(seconds * 1000);
}

function draw(figure) {
  const holder = figure.querySelector('.plot'), reading = figure.querySelector('output'), whole = figure.querySelector('button');
  const {data, rows} = linesOf(pointsOf(figure.dataset.points));
  const cells = [...figure.querySelectorAll('tbody tr')].reverse();  // the table has the newest first
  const [first, last] = [data[0][0], data[0].at(-1)];
  const range = [+figure.dataset.bottom, +figure.dataset.top];
  let plot;

  function show(place) {
    const row = rows[place ?? rows.length - 1];  // the newest while none is pointed at
    reading.textContent = row === null ? '' : [...cells[row].cells].map(cell => cell.textContent.trim()).join(': ');
  }

  function options() {
    const line = colour('accent'), quiet = {stroke: colour('soft'), grid: {stroke: colour('line'), width: 1}, ticks: {show: false}};
    const series = {stroke: line, width: 2, points: {show: false}, spanGaps: false};
    return {
      width: holder.clientWidth, height: 260, legend: {show: false}, padding: [8, 18, 0, 0],
      tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      scales: {y: {range: () => range}},
      series: [{}, {...series, fill: colour('tint')}, {...series, dash: [6, 5]}],
      axes: [
        {...quiet, size: 32, space: 90, values: (shown, splits) => splits.map(at => dayOf(at, shown.scales.x.max - shown.scales.x.min))},
        {...quiet, size: 62, values: (shown, splits) => splits.map(amount => (Math.abs(amount) < MOST_COMPACT ? compact : scientific).format(amount))},
      ],
      cursor: {drag: {x: true, y: false}, y: false},
      hooks: {
        drawAxes: [hatch],
        setCursor: [shown => show(shown.cursor.idx)],
        setScale: [(shown, key) => { if (key === 'x') whole.hidden = shown.scales.x.min <= first && shown.scales.x.max >= last; }],
      },
    };
  }

  function renew() {
    plot?.destroy();
    plot = new uPlot(options(), data, holder);
  }

  function step(by) {
    const place = clamp((plot.cursor.idx ?? data[0].length - 1) + by, 0, data[0].length - 1);
    plot.setCursor({left: plot.valToPos(data[0][place], 'x'), top: 0});
    show(place);
  }

  figure.classList.add('drawn');
  renew();
  show(null);
  whole.addEventListener('click', () => { plot.setScale('x', {min: first, max: last}); holder.focus(); });
  holder.addEventListener('keydown', event => {
    const by = {ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30, Home: -Infinity, End: Infinity}[event.key];
    if (by) { event.preventDefault(); step(by); }
  });
  new ResizeObserver(() => { if (holder.clientWidth) plot.setSize({width: holder.clientWidth, height: 260}); }).observe(holder);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', renew);
}

// A canvas has no colours of the reader's own, and its amounts cannot be hidden.
if (!matchMedia('(forced-colors: active)').matches && !document.body.classList.contains('hides-amounts')) {
  for (const figure of document.querySelectorAll('figure[data-points]')) draw(figure);
}
