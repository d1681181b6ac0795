// A gRPC server for tests: node health-server.js PORT SERVICES [CERT KEY].
// SERVICES is JSON such as {"": "SERVING"}, or "none" for a server without the
// health service.  SIGUSR2 makes the whole server NOT_SERVING and back.

'use strict';

const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const { HealthImplementation } = require('grpc-health-check');

const [port, services, cert, key] = process.argv.slice(2);

const server = new grpc.Server();

if (services !== 'none') {
  const health = new HealthImplementation(JSON.parse(services));
  let serving = true;

  health.addToServer(server);

  process.on('SIGUSR2', () => {
    serving = !serving;
    health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING');
  });
}

const credentials = cert
  ? grpc.ServerCredentials.createSsl(null, [{
      cert_chain: fs.readFileSync(cert),
      private_key: fs.readFileSync(key),
    }])
  : grpc.ServerCredentials.createInsecure();

server.bindAsync(`127.0.0.1:${port}`, credentials, (err) => {
  if (err) {
    console.error(err);
    process.exit(1);
  }
});
