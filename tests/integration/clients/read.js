// imapflow: node read.js PORT SECURE USER PASSWORD CERTIFICATE
// Waits in IDLE for a second message, then flags, moves, searches and reads. Prints what it saw as JSON.
const fs = require('fs');
const { ImapFlow } = require('imapflow');

const [port, secure, user, pass, certificate] = process.argv.slice(2);

async function main() {
    const client = new ImapFlow({
        // By number: a name may be ::1 first, where the suite of the tests does not listen.
        host: '127.0.0.1', port: Number(port), secure: secure === 'true', doSTARTTLS: secure === 'true' ? undefined : true,
        tls: { servername: 'localhost', ca: fs.readFileSync(certificate) }, auth: { user, pass }, logger: false,
    });
    await client.connect();
    const saw = { folders: (await client.list()).map((folder) => folder.path).sort() };
    const lock = await client.getMailboxLock('INBOX');
    try {
        const arrived = new Promise((resolve) => client.once('exists', resolve));
        const idling = client.idle();
        console.log('ready');                            // the test sends the second message now
        const event = await arrived;
        saw.exists = event.count;
        const message = await client.fetchOne('1', { envelope: true, bodyStructure: true, flags: true, source: true });
        await idling;                                    // the FETCH ended it
        saw.subject = message.envelope.subject;
        saw.type = message.bodyStructure.type;
        saw.size = message.source.length;
        await client.messageFlagsAdd('1', ['\\Flagged']);
        saw.flagged = await client.search({ flagged: true });
        saw.found = await client.search({ subject: 'second' });
        await client.messageMove('1', 'Archive');
        saw.left = (await client.status('INBOX', { messages: true })).messages;
    } finally {
        lock.release();
    }
    saw.archived = (await client.status('Archive', { messages: true })).messages;
    await client.logout();
    console.log(JSON.stringify(saw));
}
main().catch((error) => { console.error(error); process.exit(1); });
