"""How the page looks, and what it does without asking the server."""

from __future__ import annotations

CSS = """
.gradio-container { max-width: 1180px !important; margin: 0 auto !important; }
footer { display: none !important; }
.hero { padding: .6rem 0 .2rem; }
.hero h1 { font-size: 1.9rem; line-height: 1.15; margin: 0 0 .25rem; letter-spacing: -.02em; }
.hero p { margin: 0; opacity: .75; }
.status { min-height: 3.2rem; }
.status .line { display: flex; justify-content: space-between; gap: 1rem; flex-wrap: wrap; font-weight: 600; }
.status .line span + span { font-weight: 400; opacity: .75; }
.status .bar { height: .55rem; border-radius: 1rem; background: var(--neutral-200); overflow: hidden;
  margin-top: .45rem; }
.dark .status .bar { background: var(--neutral-700); }
.status .bar i { display: block; height: 100%; background: #e2502f; border-radius: 1rem; transition: width .4s; }
.status .bar.unknown i { width: 30%; animation: slide 1.4s ease-in-out infinite alternate; }
@keyframes slide { to { margin-left: 70%; } }
.status .error { color: #c0341d; font-weight: 600; }
.dark .status .error { color: #ff8f78; }
.status .note { opacity: .75; font-size: .9rem; margin: .3rem 0 0; }
.views { display: grid; grid-template-columns: 1fr 1fr; gap: .7rem; }
.views figure { margin: 0; }
.views img { width: 100%; display: block; border-radius: .5rem; background: #8882; cursor: crosshair; }
.views figure:nth-child(n + 3) img { cursor: default; }
.views figcaption { font-size: .85rem; opacity: .8; margin-top: .2rem; }
.scrub { display: flex; gap: .8rem; align-items: center; margin-top: .7rem; }
.scrub input { flex: 1; accent-color: #e2502f; min-height: 2rem; }
.scrub output { min-width: 7.5rem; text-align: right; font-variant-numeric: tabular-nums; font-size: .9rem; }
.downloads { display: flex; flex-wrap: wrap; gap: .6rem; }
.downloads a { border: 1px solid var(--border-color-primary); border-radius: .5rem; padding: .55rem .8rem;
  text-decoration: none !important; color: inherit !important; background: var(--background-fill-secondary); }
.downloads a:hover, .downloads a.file-preview a { pointer-events: none; }
:focus-visible { border-color: #e2502f; }
.downloads small { opacity: .7; margin-left: .35rem; }
.empty { border: 2px dashed var(--border-color-primary); border-radius: .8rem; padding: 2.5rem 1rem; text-align: center;
  opacity: .8; }
.watch { width: 100%; border-radius: .5rem; margin-top: .8rem; background: #000; }
:focus-visible { outline: 3px solid #e2502f99; outline-offset: 2px; }
@media (max-width: 640px) { .views { grid-template-columns: 1fr; } .hero h1 { font-size: 1.5rem; }
  .downloads a { flex: 1 1 45%; text-align: center; } }
@media (prefers-reduced-motion: reduce) { .status .bar i { animation: none !important; transition: none; } }
"""

HEAD = """
<script>
(() => {
  const show = (viewer, place) => {
    const frames = JSON.parse(viewer.dataset.frames);
    if (!frames.length) return;
    const [number, time] = frames[Math.min(place, frames.length - 1)];
    for (const image of viewer.querySelectorAll('img'))
      image.src = `/v1/jobs/${viewer.dataset.job}/views/${number}/${image.dataset.view}`;
    viewer.querySelector('output').textContent = `frame ${number} \\u00b7 ${time.toFixed(2)} s`;
    viewer.dataset.time = time;
  };
  document.addEventListener('input', event => {
    if (event.target.matches('.scrub input')) show(event.target.closest('.viewer'), Number(event.target.value));
  });
  document.addEventListener('click', event => {
    const image = event.target;
    if (!image.matches || !image.matches('img[data-view=frame], img[data-view=overlay]')) return;
    const viewer = image.closest('.viewer'), box = image.getBoundingClientRect();
    const x = Math.round((event.clientX - box.left) / box.width * Number(viewer.dataset.width));
    const y = Math.round((event.clientY - box.top) / box.height * Number(viewer.dataset.height));
    const field = document.querySelector('#hint input, #hint textarea');
    if (!field) return;
    field.value = `${x},${y}@${Number(viewer.dataset.time || 0).toFixed(3)}`;
    field.dispatchEvent(new Event('input', { bubbles: true }));
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    field.scrollIntoView({ block: 'center', behavior: still ? 'auto' : 'smooth' });
  });
})();
</script>
"""

HERO = """<div class="hero"><h1>Any video in, the thing that matters out</h1>
<p>Drop a clip. gsanet finds its most prominent object in every frame: no prompt, no click. Nothing leaves this
server.</p></div>"""

EMPTY = """<div class="empty">What it finds is shown here while it works: the clip, the mask, the motion it saw, and its
slot maps.</div>"""
