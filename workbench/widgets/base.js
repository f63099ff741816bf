// The base class by itself: a label and the message bar.
function render({ model, el }) {
  return openWidget(model, el).close;
}
export default { render };
