"""Writes tokenizer.json (a small one, trained here), tokenizer_config.json and file-tokens.json, the ids that it gives.

Needs: pip install tokenizers==0.21.4. Run in this folder: python3 make-file.py
"""

import json

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "",
    "a cat",
    "A Cat, two dogs!",
    "the cat and the dog sit on the mat near the lake",
    "one two three four five six seven eight nine ten eleven twelve",
    "café naïve ΟΔΟΣ",
    "日本語",
    "“smart” &amp; 😀",
    "  white \t space\n",
    "x",
]

tokenizer = Tokenizer(models.BPE())
tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=330,
    special_tokens=["<s>", "<pad>", "</s>"],
    initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    show_progress=False,
)
tokenizer.train_from_iterator(TEXTS * 3, trainer)
tokenizer.post_processor = processors.TemplateProcessing(
    single="<s> $A </s> </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
)
tokenizer.enable_truncation(max_length=12)
tokenizer.enable_padding(length=16, pad_id=1, pad_token="<pad>")
tokenizer.save("tokenizer.json", pretty=False)
with open("tokenizer_config.json", "w") as file:
    json.dump({"pad_token": "<pad>", "padding_side": "right", "model_max_length": 16}, file)
encodings = [(text, tokenizer.encode(text)) for text in TEXTS]
with open("file-tokens.json", "w") as file:
    rows = [[text, encoding.ids, sum(encoding.attention_mask)] for text, encoding in encodings]
    file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
