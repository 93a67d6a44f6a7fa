// Says who answers: the smallest app that shows which instance one talks to.
const http = require('http');

const application = JSON.parse(process.env.VCAP_APPLICATION || '{}');
const port = process.env.PORT || process.env.VCAP_APP_PORT || 3000;

const server = http.createServer((request, response) => {
  if (request.url === '/crash') {
    console.error('asked to crash');
    process.exit(1);
  }
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({
    app: application.name,
    index: application.instance_index,
    instance: application.instance_id,
    runtime: `Node.js ${process.version}`,
    pid: process.pid,
  }) + '\n');
});

server.listen(port, () => console.log(`listening on port ${port}`));
