// nodemailer: node send.js PORT SECURE USER PASSWORD TO SUBJECT CERTIFICATE
const fs = require('fs');
const nodemailer = require('nodemailer');

const [port, secure, user, pass, to, subject, certificate] = process.argv.slice(2);

async function main() {
    const transport = nodemailer.createTransport({
        // By number: a name may be ::1 first, where the suite of the tests does not listen.
        host: '127.0.0.1', port: Number(port), secure: secure === 'true', requireTLS: true,
        tls: { servername: 'localhost', ca: fs.readFileSync(certificate) }, auth: { user, pass },
    });
    await transport.verify();
    const sent = await transport.sendMail({
        from: user, to, subject, text: 'Viele grüße\r\n',
        attachments: [{ filename: 'bytes.bin', content: Buffer.from([0, 1, 2, 255]) }],
    });
    if (sent.accepted.length !== 1) throw new Error('not accepted: ' + sent.response);
    transport.close();
}
main().catch((error) => { console.error(error); process.exit(1); });
