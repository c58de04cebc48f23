// Guards buttons (style.css) on a page that is shown again as on one that was just loaded: a browser that goes back to a page which it kept,
// or to another tab, does not begin its animations anew, and the second click of a double-click would be taken there.
const root = document.documentElement;

function leave() {
  root.classList.add('away');
  root.getBoundingClientRect(); // without the animations, so that these begin once the class is gone
}

function arrive() {
  leave();
  root.classList.remove('away');
}

addEventListener('pagehide', leave);
addEventListener('pageshow', event => event.persisted && arrive());
document.addEventListener('visibilitychange', () => (document.hidden ? leave() : arrive()));
