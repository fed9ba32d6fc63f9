/* A slow network: each request and its answer wait at random, up to `most` ms; messages of sockets do now and then, in
   their order. */
(most => {
  const pause = () => new Promise(done => setTimeout(done, Math.random() * most));
  const { fetch, WebSocket } = window;
  window.fetch = async (...asked) => {
    await pause();
    try {
      return await fetch(...asked);
    } finally {
      await pause();
    }
  };
  window.WebSocket = class extends WebSocket {
    set onmessage(hear) {
      let last = Promise.resolve();
      const late = event => {
        last = last
          .then(() => (Math.random() < 0.1 ? pause() : undefined))
          // As with any socket, nothing comes once it is closed or nobody listens.
          .then(() => super.onmessage === late && this.readyState < WebSocket.CLOSING && hear.call(this, event))
          .catch(error => window.reportError(error));
      };
      super.onmessage = hear && late;
    }
    get onmessage() {
      return super.onmessage;
    }
  };
})(MOST_MS);
