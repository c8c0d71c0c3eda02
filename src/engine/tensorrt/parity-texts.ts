/** What a plan is asked about for as long as it serves. */
export const CANARY_TEXT = 'a photo of a cat';

/** Long enough to fill any context; its beginnings have every length. */
const LONG =
  'On a wet morning in early spring an old fisherman mends a torn green net beside the harbour wall while two children ' +
  'in yellow coats throw bread to the gulls, a grey dog sleeps under an overturned boat, and behind them the ferry leaves ' +
  'for the island with its lights still burning, three bicycles tied to the rail, a brass bell, nine crates of oranges and ' +
  'a piano wrapped in blankets, so that whoever looks from the window of the lighthouse sees first the smoke, then the white ' +
  'wake, and last of all the small red flag that somebody has forgotten to take down after the festival of the autumn before.';

/** Words of `LONG`, so that the columns of every bucket end within a text, just behind one and just before one. */
const WORDS = [
  6, 9, 12, 13, 14, 15, 18, 22, 26, 28, 29, 30, 31, 34, 38, 42, 44, 45, 46, 47, 52, 58, 64, 68, 999,
];

/** At least 64 texts: of every length, in many languages, and such as a client sends by mistake. */
export const PARITY_TEXTS: readonly string[] = [
  CANARY_TEXT,
  '',
  ' ',
  'a',
  'cat',
  '7',
  '.',
  '!!!!!!!!!!!!!!!!!!!!',
  'dog',
  'a diagram',
  'sunset over the sea',
  'a photo of a dog',
  'a photo of two cats on a sofa',
  'a red bus in front of a clock tower',
  'the cat sat on the mat. THE CAT SAT ON THE MAT.',
  'an astronaut riding a horse on the moon, oil painting',
  'close-up of a bee on a purple flower, shallow depth of field',
  'receipt: 2 × coffee 5.80 €, 1 × croissant 2.40 €, total 8.20 €',
  'https://example.org/pictures/2024/09/IMG_0042.jpg?size=large',
  '<p>Fish &amp; chips</p>',
  'function add(a, b) { return a + b; }',
  '1234567890 9876543210 3.14159265358979',
  'don’t “quote” me — it’s naïve, café, piñata, Übergröße',
  'ein Hund läuft über eine verschneite Wiese',
  'un chat noir dort sur un fauteuil rouge',
  'una calle estrecha con balcones llenos de flores',
  'um barco de pesca na praia ao amanhecer',
  'una piazza affollata sotto la pioggia',
  'een fiets tegen een brug in Amsterdam',
  'dwa konie biegną po plaży',
  'kahve fincanı ve kitap, ahşap masa',
  'một con mèo ngồi bên cửa sổ',
  'фотография старого города зимой',
  'жінка читає книгу в саду',
  'ένα λευκό σπίτι δίπλα στη θάλασσα',
  'צילום של כלב על חוף הים',
  'صورة لقطة بيضاء نائمة على الأريكة',
  'एक लाल साइकिल दीवार के सहारे खड़ी है',
  'ภาพถ่ายตลาดน้ำในตอนเช้า',
  '一只猫坐在窗台上看雨',
  '富士山と桜の写真',
  '서울의 밤거리 풍경',
  '😀',
  '🐈‍⬛🌙✨ a black cat at night 🏙️',
  '👩🏽‍🚀👨‍👩‍👧‍👦🇫🇷🇯🇵',
  '\u0000\u0007\t\r\n\u200b\ufeff',
  'Zalgo: z̷̧̛a̴͎͌l̶̘̏g̵̱̽o̶͙͑',
  'supercalifragilisticexpialidocious antidisestablishmentarianism',
  'x'.repeat(300),
  ...[31, 46, 74, 75, 76].map((count) => 'the '.repeat(count)),
  '猫'.repeat(60),
  ...WORDS.map((count) => LONG.split(' ').slice(0, count).join(' ')),
];
